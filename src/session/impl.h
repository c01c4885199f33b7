#pragma once

#include "sallyport/packet.h"
#include "sallyport/session.h"

#include "mqtt/encode.h"
#include "mqtt/plain_publish.h"
#include "session/alias_table.h"
#include "session/budget.h"
#include "session/delivery_window.h"
#include "session/inlet.h"
#include "session/outlet.h"
#include "session/publish_window.h"
#include "session/send_quota.h"
#include "session/subscribe_window.h"
#include "session/subscription_set.h"
#include "session/verdict_memo.h"

namespace sallyport {

/// The state machine. One file for each conversation it takes part in:
///   session.cc    feeding, dispatch, ends            connect.cc    CONNECT to CONNACK
///   publish.cc    the client publishes               delivery.cc   the broker publishes
///   subscribe.cc  SUBSCRIBE, UNSUBSCRIBE, SUBACK     control.cc    acks, PING, DISCONNECT, AUTH
///   timers.cc     deadlines, keep-alive, throttling
class Session::Impl final {
 public:
  Impl(const SessionOptions& options, Identity identity, policy::Policy::Ptr policy, Events& events,
       std::uint64_t id, Instant accepted);
  ~Impl();

  std::size_t feed(Side from, Bytes bytes, Instant now, Turn& turn);
  std::uint8_t paused(Side from) const;
  void broker_connected(Instant now, Turn& turn);
  void dial_begins(Instant when);
  void dial_refused(Check check, Turn& turn);
  void transport_closed(Side side, CloseKind kind, std::string_view detail, Instant now,
                        Turn& turn);
  void set_reading(Side side, bool reading, Instant now);
  Instant wake_at() const;
  void tick(Instant now, Turn& turn);
  void set_policy(policy::Policy::Ptr policy, Instant now, Turn& turn);
  void shut_down(Turn& turn);
  std::size_t memory() const;

 private:
  enum class State : std::uint8_t { awaiting_connect, dialing, awaiting_connack, open, closed };

  /// A frame and the turn it came in.
  struct Arrival {
    Side from;
    const mqtt::Frame& frame;
    bool stable;  // the frame's bytes stay where they are until the end of the turn
    Instant now;
    Turn& turn;

    [[nodiscard]] mqtt::PacketType type() const { return frame.header.type; }
    [[nodiscard]] std::uint64_t size() const { return frame.header.total(); }
  };
  /// What became of a frame. `later`: nothing has changed, feed it again.
  enum class Fate : std::uint8_t { forwarded, consumed, later };
  /// Whether a packet may be taken now as far as the rate limits are concerned.
  enum class RateAnswer : std::uint8_t { yes, later, over };

  // session.cc
  std::optional<std::size_t> take_step(Side from, Bytes in, Instant now, Turn& turn);
  std::size_t pass_at_once(Side from, Bytes in, Instant now, Turn& turn);
  void note_bytes(Side from, bool forwarded, Instant now);
  Fate dispatch(const Arrival& a);
  Fate from_client(const Arrival& a);
  Fate from_broker(const Arrival& a);
  Fate forward(const Arrival& a);
  Fate forward_as(const Arrival& a, Bytes head, Rewrite what);
  Fate malformed(const Arrival& a, mqtt::Malformed error);
  void inject(Side to, const Buffer& packet, Turn& turn);
  void report_refusal(const Arrival& a, Action action, mqtt::ReasonCode reason, policy::Cause cause,
                      std::string_view topic);
  void note_reported(const Arrival& a, const policy::Verdict& verdict, std::string_view topic);
  void say_goodbye(mqtt::ReasonCode reason, Turn& turn);
  void close(CloseReason reason, Turn& turn);
  mqtt::FrameRules rules(Side from) const;
  std::optional<mqtt::Malformed> first_packet_error(const Arrival& a) const;
  const Bounds& decode_bounds(Side from) const;
  /// The largest packet that a side takes, by what it said itself. 3.1.2.11.4, 3.2.2.3.6 (5.0)
  std::uint32_t max_packet(Side receiver) const {
    return (receiver == Side::client ? client_max_packet_ : broker_max_packet_)
        .value_or(UINT32_MAX);
  }
  /// The largest packet that a side may send behind CONNECT: no larger than the other side takes.
  /// [MQTT-3.1.2-24] [MQTT-3.2.2-15] (5.0)
  std::uint32_t largest(Side sender) const {
    const std::uint32_t receiver = max_packet(other(sender));
    return sender == Side::broker ? receiver : std::min(bounds_.max_packet, receiver);
  }
  bool tells_unasked(const Arrival& a, const mqtt::Properties& properties) const;
  Who who() const { return {id_, identity_, version_}; }
  Phase phase() const;
  /// Reports what ends the session or a request of it, where no frame is the reason.
  void report(Side from, mqtt::PacketType packet, mqtt::ReasonCode reason, policy::Cause cause);
  policy::Verdict judge(Side from, const mqtt::Publish& publish, std::string_view topic);
  static policy::Cause cause_of(Check check) { return {to_string(check), false}; }

  // connect.cc
  Fate on_connect(const Arrival& a);
  std::expected<policy::Grants, policy::Verdict> admit() const;
  void adopt(policy::Grants grants);
  Fate refuse_connect(const Arrival& a, mqtt::ReasonCode reason, policy::Cause cause,
                      std::string_view topic = {});
  Fate bad_connect(const Arrival& a, mqtt::Malformed error);
  std::optional<mqtt::Malformed> check_against_roles(const Arrival& a) const;
  bool check_will(const Arrival& a, const mqtt::Will& will);
  bool check_again(const Arrival& a);
  bool check_keep_alive(const Arrival& a, const mqtt::Connect& connect);
  bool may_connect_again(Instant now) const;
  void keep_connect(const Arrival& a, const mqtt::Connect& connect);
  Fate on_connack(const Arrival& a);
  std::optional<mqtt::Malformed> check_connack(const mqtt::Connack& connack) const;
  Fate accept_connack(const Arrival& a, const mqtt::Connack& connack);
  void reject_client(mqtt::ReasonCode reason, Turn& turn);
  void refuse_for_broker(Check check, mqtt::ReasonCode reason, Turn& turn);

  // publish.cc
  std::size_t pass_known(Side from, Bytes in, Instant now, Turn& turn);
  /// What counts everything that a side sends: of what a client receives, nothing.
  std::span<const std::uint32_t> role_limits(Side from) const {
    if (from == Side::broker) return {};
    return grants_->role_limits();
  }
  Fate on_client_publish(const Arrival& a);
  bool admit_publish(const Arrival& a, std::string_view topic, policy::Verdict& verdict);
  Fate forward_publish(const Arrival& a, const mqtt::Publish& publish, std::string_view topic,
                       AliasTable& aliases, std::optional<std::uint32_t> receiver_max);
  Fate refuse_publish(const Arrival& a, const mqtt::Publish& publish, std::string_view topic,
                      policy::Cause cause, Action action, mqtt::ReasonCode reason);
  /// The topic a PUBLISH means; empty: its alias was never set.
  static std::string_view resolve(const mqtt::Publish& publish, const AliasTable& aliases);

  // delivery.cc
  Fate on_delivery(const Arrival& a);
  Fate drop_delivery(const Arrival& a, const mqtt::Publish& publish, std::string_view topic,
                     policy::Cause cause, Action action, mqtt::ReasonCode reason);
  void pay_owed(Turn& turn);

  // subscribe.cc
  Fate on_subscribe(const Arrival& a);
  std::size_t count_subscriptions(const Arrival& a, const mqtt::Subscribe& request,
                                  SubscribeWindow::Codes& codes);
  Fate on_unsubscribe(const Arrival& a);
  Fate refuse_request(const Arrival& a, const mqtt::Subscribe& request,
                      const Budget::Exceeded& over);
  Fate answer_request(const Arrival& a, const mqtt::Subscribe& request,
                      const SubscribeWindow::Codes& codes);
  Fate on_suback(const Arrival& a);

  // control.cc
  std::size_t pass_puback(Bytes in, Turn& turn);
  Fate on_ack(const Arrival& a);
  Fate on_client_ack(const Arrival& a, const mqtt::Ack& ack);
  Fate on_broker_ack(const Arrival& a, const mqtt::Ack& ack);
  Fate on_pingreq(const Arrival& a);
  Fate on_pingresp(const Arrival& a);
  Fate on_disconnect(const Arrival& a);
  Fate on_auth(const Arrival& a);

  // timers.cc
  RateAnswer admit_rate(const Arrival& a, std::span<const std::uint32_t> limits,
                        Budget::Exceeded& over);
  static mqtt::ReasonCode over_reason(Action action);
  /// A packet is taken: charges the roles' limits, and reports one that only reports.
  void charge_role(const Arrival& a, const Budget::Exceeded& over);
  void report_over(const Arrival& a, const Budget::Exceeded& over, std::string_view topic);
  /// Reports a packet over a limit. True: the limit says disconnect, and that was done.
  bool refuse_over(const Arrival& a, const Budget::Exceeded& over);
  Duration longest_pause() const;
  void note_client_packet(Instant now, Turn& turn);
  void ping_broker(Instant now, Turn& turn);
  Instant keep_alive_deadline() const;
  Instant ping_due() const;

  VerdictMemo& verdicts(Side side) { return verdicts_[static_cast<std::size_t>(side)]; }
  Inlet& inlet(Side side) { return inlets_[static_cast<std::size_t>(side)]; }
  const Inlet& inlet(Side side) const { return inlets_[static_cast<std::size_t>(side)]; }
  Outlet& outlet(Side side) { return outlets_[static_cast<std::size_t>(side)]; }
  const Outlet& outlet(Side side) const { return outlets_[static_cast<std::size_t>(side)]; }
  SendQuota& quota(Side side) { return quotas_[static_cast<std::size_t>(side)]; }
  Instant& throttled_until(Side side) { return throttled_until_[static_cast<std::size_t>(side)]; }

  const SessionOptions& options_;
  Events& events_;
  policy::Policy::Ptr policy_;
  std::optional<policy::Grants> grants_;  // from an accepted CONNECT on; set by adopt()
  Identity identity_;
  const std::uint64_t id_;
  Bounds bounds_;  // the listener's, lowered by the roles

  State state_ = State::awaiting_connect;
  mqtt::Version version_ = mqtt::Version::v3_1_1;
  bool begun_ = false;
  bool enhanced_auth_ = false;   // CONNECT named an authentication method
  bool connack_first_ = false;   // the client's next packet has to wait for CONNACK
  bool session_expires_ = true;  // CONNECT's Session Expiry Interval is 0
  // What CONNECT asked for, and what CONNACK said the broker can do.
  bool clean_start_ = false;
  bool wants_response_information_ = false;
  bool wants_problem_information_ = true;
  bool broker_retains_ = true;
  std::uint8_t broker_max_qos_ = 2;
  std::string authentication_method_;
  struct KeptWill {
    std::string topic;
    std::optional<std::string> response_topic;
    std::uint32_t payload_size = 0;
    std::uint8_t qos = 0;
    bool retain = false;

    std::size_t memory() const {
      return sizeof(*this) + topic.capacity() + (response_topic ? response_topic->capacity() : 0);
    }
  };
  std::unique_ptr<KeptWill> will_;  // until CONNACK, where that will say who the client is

  Inlet inlets_[2];      // by the side that sends
  Outlet outlets_[2];    // by the side that receives
  SendQuota quotas_[2];  // by the side that sends
  Buffer connect_;       // CONNECT for the broker, until it has been sent
  Buffer scratch_;       // a packet being made; empty between calls

  AliasTable to_broker_aliases_;
  AliasTable to_client_aliases_;
  std::optional<std::uint32_t> broker_max_packet_;
  std::optional<std::uint32_t> client_max_packet_;
  PublishWindow publishes_;
  DeliveryWindow deliveries_;
  SubscribeWindow subscribes_;
  SubscriptionSet subscriptions_;
  VerdictMemo verdicts_[2];  // by the side that publishes
  Budget budget_;

  Instant deadline_;  // CONNECT, then CONNACK, must have come by then
  Instant throttled_until_[2];
  Instant last_from_client_;
  Instant last_to_broker_;
  std::uint16_t keep_alive_ = 0;         // seconds, as the broker counts; 0: it does not
  std::uint16_t client_keep_alive_ = 0;  // seconds, as the gateway counts; never 0 once open
  // PINGREQ and PINGRESP keep their order, so counting tells whose answer a PINGRESP is.
  std::uint32_t pings_before_own_ = 0;
  std::uint32_t pings_after_own_ = 0;
  bool own_ping_ = false;
  bool client_unread_ = false;  // the relay does not read the client now
};

}  // namespace sallyport
