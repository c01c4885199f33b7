#pragma once

#include "sallyport/packet.h"
#include "sallyport/session.h"

#include "mqtt/encode.h"
#include "mqtt/plain_publish.h"
#include "session/answer_clock.h"
#include "session/budget.h"
#include "session/connecting.h"
#include "session/delivery_window.h"
#include "session/direction.h"
#include "session/keep_alive.h"
#include "session/publish_window.h"
#include "session/subscribe_window.h"
#include "session/subscription_set.h"

namespace sallyport {

/// The state machine. One file for each conversation it takes part in:
///   session.cc    feeding, dispatch, forwarding      ending.cc     how a session ends
///   connect.cc    CONNECT to the dial                login.cc      the authenticator's answer
///   connack.cc    CONNACK                            publish.cc    PUBLISH, of either side
///   exchange.cc   what is the client's or the broker's alone about a PUBLISH
///   subscribe.cc  SUBSCRIBE, UNSUBSCRIBE, SUBACK     control.cc    acks, PING, DISCONNECT, AUTH
///   timers.cc     deadlines, keep-alive              rates.cc      limits, throttling
///   suback.cc     SUBACK, UNSUBACK                   faults.cc     what a broker does wrong
class Session::Impl final {
 public:
  Impl(const SessionOptions& options, Identity identity, policy::Policy::Ptr policy, Events& events,
       std::uint64_t id, Instant accepted);
  ~Impl();

  std::size_t feed(Side from, Bytes bytes, Instant now, Turn& turn);
  std::uint8_t paused(Side from) const;
  LoginRequest login() const;
  void authenticated(const LoginResult& result, Instant now, Turn& turn);
  void broker_connected(Instant now, Turn& turn);
  void dial_begins(Instant when);
  void dial_refused(Check check, Turn& turn);
  void transport_closed(Side side, CloseKind kind, std::string_view detail, Instant now,
                        Turn& turn);
  void stalled(Side side, Turn& turn);
  void set_reading(Side side, bool reading, Instant now);
  Instant wake_at() const;
  void tick(Instant now, Turn& turn);
  void set_policy(policy::Policy::Ptr policy, Instant now, Turn& turn);
  void shut_down(std::string_view elsewhere, Turn& turn);
  void end(Check check, mqtt::ReasonCode reason, Turn& turn);
  void revoke(Check check, Turn& turn);
  const Identity& identity() const { return identity_; }
  Tally tally() const;
  bool is_busy() const;
  std::size_t memory() const;
  Who who() const {
    return {id_, identity_, version_known_ ? std::optional(version_) : std::nullopt, &seat_};
  }

 private:
  enum class State : std::uint8_t {
    awaiting_connect,
    authenticating,
    dialing,
    awaiting_connack,
    open,
    closed
  };

  /// A frame and the turn it came in.
  struct Arrival {
    Side from;
    const mqtt::Frame& frame;
    bool stable;  // the frame's bytes stay where they are until the end of the turn
    Bytes
        behind;  // what lies behind the frame's head in the same memory; of a payload, maybe a part
    Instant now;
    Turn& turn;

    [[nodiscard]] mqtt::PacketType type() const { return frame.header.type; }
    [[nodiscard]] std::uint64_t size() const { return frame.header.total(); }
  };
  /// What became of a frame.
  enum class Fate : std::uint8_t {
    forwarded,
    consumed,
    later,  // nothing has changed; feed it again
    held,   // nothing has changed; its whole payload is needed for the decision
  };
  /// Whether a packet may be taken now as far as the rate limits are concerned.
  enum class RateAnswer : std::uint8_t { yes, later, over };

  // session.cc
  std::optional<std::size_t> take_step(Side from, Bytes in, Instant now, Turn& turn);
  std::size_t pass_at_once(Side from, Bytes in, Instant now, Turn& turn);
  void note_bytes(Side from, bool forwarded, Instant now) {
    if (from == Side::client) keep_alive_.note_client(forwarded, now);
  }
  /// Counts a packet that was read, and tells of it.
  void note_packet(Side from, mqtt::PacketType type, std::uint64_t size) {
    from_[from].count(size);
    events_.on_packet(from, type, size);
  }
  /// Takes what a packet costs beyond 1 out of the turn's work.
  static void spend(std::uint32_t work, Turn& turn) { turn.work -= std::min(turn.work, work); }
  Fate dispatch(const Arrival& a);
  Fate from_client(const Arrival& a);
  Fate from_broker(const Arrival& a);
  Fate forward(const Arrival& a);
  Fate forward_as(const Arrival& a, Bytes head, Rewrite what);
  /// Sends a packet of the gateway's own to a side. `encode` appends it to the Buffer it is given.
  template <typename Encode>
  void reply(Side to, Turn& turn, Encode encode) {
    Buffer& packet = blank(turn);
    encode(packet);
    inject(to, packet.bytes(), turn);
  }
  /// Returns an empty buffer to make a packet in, until the next call of this or of reply().
  static Buffer& blank(Turn& turn) {
    turn.scratch.clear();
    return turn.scratch;
  }
  void inject(Side to, Bytes packet, Turn& turn);
  mqtt::FrameRules rules(Side from) const;
  std::optional<mqtt::Malformed> first_packet_error(const Arrival& a) const;
  const Bounds& decode_bounds(Side from) const;
  Direction& to(Side receiver) { return from_[other(receiver)]; }
  const Direction& to(Side receiver) const { return from_[other(receiver)]; }
  /// Returns the largest packet that a side may send behind CONNECT: no larger than the other side
  /// takes. [MQTT-3.1.2-24] [MQTT-3.2.2-15] (5.0)
  std::uint32_t largest(Side sender) const {
    const std::uint32_t receiver = from_[sender].receiver_max;
    return sender == Side::broker ? receiver : std::min(bounds_->packet_bound(), receiver);
  }
  bool tells_unasked(const Arrival& a, const mqtt::Properties& properties) const;

  /// The broker has refused something, or said DISCONNECT.
  void note_broker_code(mqtt::PacketType answer, mqtt::ReasonCode code);

  // faults.cc
  Fate on_odd(const Arrival& a, const mqtt::FrameResult& found);
  CheckSet* tolerance(Side from, CheckSet& collect) const;
  bool tolerate(const Arrival& a, Check check);
  void note_tolerated(const Arrival& a, const CheckSet& tolerated);
  /// Deals with a packet that is wrong, but whose end is known. The client's ends the session, the
  /// broker's costs that packet where the conversation can go on.
  Fate malformed(const Arrival& a, mqtt::Malformed error);
  Fate drop_delivery(const Arrival& a, mqtt::Malformed error);
  Fate mend_connack(const Arrival& a, mqtt::Malformed error);
  Fate mend_ack(const Arrival& a);
  Fate mend_suback(const Arrival& a);
  Fate mend_pingresp(const Arrival& a);
  Fate mend_disconnect(const Arrival& a);
  bool leads_away(const mqtt::Properties& properties) const;
  Fate forward_referring(const Arrival& a, const mqtt::Properties& properties);

  // ending.cc
  Phase phase() const;
  static policy::Cause cause_of(Check check) { return {to_string(check), false}; }
  /// Reports what a frame is refused for, or what is only reported of it.
  void report_refusal(const Arrival& a, Action action, mqtt::ReasonCode reason, policy::Cause cause,
                      std::string_view topic);
  /// Reports what ends the session where no frame is the reason.
  void report(Side from, mqtt::PacketType packet, mqtt::ReasonCode reason, policy::Cause cause);
  void note_reported(const Arrival& a, const policy::Verdict& verdict, std::string_view topic);
  Fate end_malformed(const Arrival& a, mqtt::Malformed error);
  void say_goodbye(mqtt::ReasonCode reason, Turn& turn, std::string_view elsewhere = {});
  void reject_client(mqtt::ReasonCode reason, Turn& turn, std::string_view elsewhere = {});
  void dismiss(mqtt::ReasonCode reason, CloseReason why, Turn& turn,
               std::string_view elsewhere = {});
  void refuse_for_broker(Check check, mqtt::ReasonCode reason, std::string_view detail, Turn& turn);
  std::string_view left_will() const;
  bool may_leave_will() const;
  void take_back_will(Turn& turn);
  void close(CloseReason reason, Turn& turn);

  // connect.cc
  Fate on_connect(const Arrival& a);
  bool check_identity(const Arrival& a, const mqtt::Connect& connect);
  bool check_role_bounds(const Arrival& a, const mqtt::Connect& connect);
  bool check_will(const Arrival& a, const mqtt::Connect& connect);
  bool check_keep_alive(const Arrival& a, const mqtt::Connect& connect);
  bool check_connect_rate(const Arrival& a, const mqtt::Connect& connect);
  bool check_will_rate(const Arrival& a, const mqtt::Connect& connect);
  bool judge_will(const Arrival& a, const mqtt::Will& will);
  void set_version(mqtt::Version version) {
    version_ = version;
    version_known_ = true;
  }
  std::expected<policy::Grants, policy::Verdict> admit() const;
  void adopt(policy::Grants grants);
  Fate refuse_connect(const Arrival& a, mqtt::ReasonCode reason, policy::Cause cause,
                      std::string_view topic = {});
  Fate bad_connect(const Arrival& a, mqtt::Malformed error);
  void keep_connect(const Arrival& a, const mqtt::Connect& connect);
  void dial(Instant now, Turn& turn);

  // login.cc
  void ask_authenticator(Instant now, Turn& turn);
  bool keep_attributes(const LoginAllowed& allowed, Instant now, Turn& turn);
  void refuse_login(mqtt::ReasonCode reason, Check check, CloseKind kind, Turn& turn);

  // connack.cc
  Fate on_connack(const Arrival& a);
  std::optional<mqtt::Malformed> check_connack(const Arrival& a, const mqtt::Connack& connack);
  Fate accept_connack(const Arrival& a, const mqtt::Connack& connack);
  std::uint16_t set_keep_alive(const mqtt::Connack& connack, Instant now);
  bool check_again(const Arrival& a, const mqtt::Connack& connack);

  // publish.cc
  template <Side kFrom>
  std::size_t pass_known(Bytes in, Instant now, Turn& turn);
  Fate on_publish(const Arrival& a);
  policy::Verdict judge(Side from, const mqtt::Publish& publish, std::string_view topic);
  std::size_t room_to_hold(Side from) const;
  bool inspect(const Arrival& a, const mqtt::Publish& publish, std::string_view topic,
               policy::Verdict& verdict);
  static void show_payload(std::optional<Bytes> payload, std::string_view topic,
                           policy::Verdict& verdict, Turn& turn);
  bool admit_publish(const Arrival& a, std::string_view topic, policy::Verdict& verdict);
  Fate forward_publish(const Arrival& a, const mqtt::Publish& publish, std::string_view topic);
  Fate refuse_publish(const Arrival& a, const mqtt::Publish& publish, std::string_view topic,
                      policy::Cause cause, Action action, mqtt::ReasonCode reason);
  std::optional<mqtt::Malformed> beyond_bounds(const Arrival& a, const mqtt::Publish& publish,
                                               bool again) const;
  void remember_alias(Side from, const mqtt::Publish& publish);
  /// Returns the limits that count everything that a side sends. There are none for what a client
  /// receives.
  std::span<const std::uint32_t> role_limits(Side from) const {
    if (from == Side::broker) return {};
    return grants_->role_limits();
  }

  // exchange.cc
  std::optional<mqtt::Malformed> check_exchange(Side from, const mqtt::Publish& publish,
                                                bool& again) const;
  void begin_exchange(Side from, const mqtt::Publish& publish, Instant now);
  void answer_client(const mqtt::Publish& publish, mqtt::ReasonCode reason, Turn& turn);
  void owe_broker(std::uint16_t packet_id, std::uint8_t qos, Turn& turn);
  void pay_owed(Turn& turn);

  // subscribe.cc
  Fate on_subscribe(const Arrival& a);
  SubscribeWindow::Request begin_request(const mqtt::Subscribe& request) const;
  SubscribeWindow::Request refused_whole(const mqtt::Subscribe& request,
                                         mqtt::ReasonCode reason) const;
  bool refuse_entries(const Arrival& a, const mqtt::Subscribe& request,
                      SubscribeWindow::Request& asked);
  Fate forward_request(const Arrival& a, const mqtt::Subscribe& request,
                       SubscribeWindow::Request asked);
  Fate refuse_beyond(const Arrival& a, const mqtt::Subscribe& request);
  void count_subscriptions(const Arrival& a, const mqtt::Subscribe& request,
                           SubscribeWindow::Request& asked);
  Fate on_unsubscribe(const Arrival& a);
  Fate refuse_request(const Arrival& a, const mqtt::Subscribe& request,
                      const Budget::Exceeded& over);
  Fate answer_request(const Arrival& a, const mqtt::Subscribe& request,
                      const SubscribeWindow::Request& asked);

  // suback.cc
  Fate on_suback(const Arrival& a);
  Fate complete_suback(const Arrival& a, std::uint16_t packet_id, Bytes usable,
                       const SubscribeWindow::Request& asked);

  // control.cc
  std::size_t pass_puback(Bytes in, Instant now, Turn& turn);
  void note_answer(mqtt::PacketType answer, std::uint16_t packet_id, Instant now) {
    if (const auto took = answers_.answered(answer, packet_id, now)) {
      events_.on_broker_answer(answer, *took);
    }
  }
  Fate on_ack(const Arrival& a);
  Fate on_client_ack(const Arrival& a, const mqtt::Ack& ack);
  Fate on_broker_ack(const Arrival& a, const mqtt::Ack& ack);
  bool note_broker_ack(const mqtt::Ack& ack, Instant now, Turn& turn);
  Fate complete(const Arrival& a, std::uint16_t packet_id);
  Fate on_pingreq(const Arrival& a);
  Fate on_pingresp(const Arrival& a);
  Fate on_disconnect(const Arrival& a);
  Fate on_auth(const Arrival& a);

  // rates.cc
  Payer payer() const { return {options_.ledger, identity_}; }
  bool charge_will(const Arrival& a, const mqtt::Will& will);
  RateAnswer admit_rate(const Arrival& a, std::span<const std::uint32_t> limits,
                        Budget::Exceeded& over);
  static mqtt::ReasonCode over_reason(Action action);
  /// A packet is taken: charges the roles' limits, and reports one that only reports.
  void charge_role(const Arrival& a, const Budget::Exceeded& over);
  void report_over(const Arrival& a, const Budget::Exceeded& over, std::string_view topic);
  /// Reports a packet over a limit. Returns whether the limit says disconnect, which was done then.
  bool refuse_over(const Arrival& a, const Budget::Exceeded& over);

  // timers.cc
  void note_client_packet(Instant now, Turn& turn);
  void ping_broker(Instant now, Turn& turn);
  Instant keep_alive_deadline() const;
  void miss_deadline(Turn& turn);

  const SessionOptions& options_;
  Events& events_;
  policy::Policy::Ptr policy_;
  std::optional<policy::Grants> grants_;  // from an accepted CONNECT on; set by adopt()
  Identity identity_;
  const std::uint64_t id_;
  std::unique_ptr<const Bounds> lowered_;  // null: the roles leave the listener's as they are
  const Bounds* bounds_;                   // those that hold

  PerSide<Direction> from_;  // by the side that sends
  Budget budget_;
  KeepAlive keep_alive_;
  AnswerClock answers_;
  PublishWindow publishes_;
  DeliveryWindow deliveries_;
  SubscribeWindow subscribes_;
  SubscriptionSet subscriptions_;

  std::unique_ptr<Connecting> connecting_;  // from an accepted CONNECT to CONNACK; else null
  std::unique_ptr<const std::string> auth_method_;  // of CONNECT; null: it named none
  std::unique_ptr<const SentWill> will_;            // while there is a Will to publish; else null
  Instant deadline_;  // for what the state waits for; once open, for the session itself
  std::uint32_t refused_ = 0;
  std::uint32_t throttled_ = 0;
  State state_ = State::awaiting_connect;
  mqtt::Version version_ = mqtt::Version::v3_1_1;
  bool version_known_ = false;  // a CONNECT has said it
  bool begun_ = false;
  /// The largest packet that CONNACK has told the client of: the broker's bound, or the gateway's.
  std::uint32_t told_max_packet_ = UINT32_MAX;
  ConnectFlags asked_;
  BrokerAbilities broker_;
  mutable Seat seat_;             // whoever listens to the events writes it
  std::uint8_t broker_code_ = 0;  // Tally::broker_code; 0: none
  CheckSet tolerated_;            // what the broker deviates in, and was reported
};

}  // namespace sallyport
