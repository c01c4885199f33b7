#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sallyport/packet.h"
#include "sallyport/session.h"

namespace sallyport::fuzz {

/// Only the grammar: what the gateway's limits are is not the question here.
inline constexpr Bounds kWide = unbounded();

/// What a session may do, said in another way than the session says it: by looking at what comes
/// out. Every frame that a side sends is either refused, with an event that names it, and then
/// gone; or it comes out on the other side byte for byte and in order; or it comes out changed in
/// one of the ways that are listed; or it belongs to an exchange of the gateway's own. Whatever
/// else comes out must be a packet that the gateway owes: no acknowledgement without a refusal. A
/// broker's packet that is wrong is refused alone: a delivery is acknowledged, an answer may come
/// out in another form, which is exact. A client gets nothing of a broker's that is not exact, but
/// for what clients tolerate, and that byte for byte. Each side gets well-formed packets only, none
/// that is larger than it takes, no topic that the policy forbids, and no alias that it does not
/// know.
class Model {
 public:
  explicit Model(const SessionOptions& options)
      : limits_(options.bounds), max_held_(options.max_held) {}

  // What is done to the session, before it is done.
  void set_policy(policy::Policy::Ptr policy);
  void broker_connected();
  void offer(Side from, Bytes bytes);

  // Events.
  void refusal(const Refusal& refusal);
  void rewrite();
  /// After this come sent() for the other side, decided(), sent() for the same side.
  void packet(Side from, mqtt::PacketType type, std::uint64_t size);
  void decided(Side from);
  void session_begins() { begun_ = true; }
  void session_ends() { ended_ = true; }

  /// Bytes that came out for a side, as soon as they did.
  void sent(Side to, Bytes bytes);
  /// How much of what was offered feed() took.
  void taken(Side from, std::size_t size);
  /// At the end of every call: all that was taken has come out, unless it was refused.
  void settle();

  /// The head of the oldest packet that a side got and did not look at yet; empty: none.
  [[nodiscard]] std::string next_received(Side side);
  [[nodiscard]] mqtt::Version version() const { return version_; }
  [[nodiscard]] bool client_id_missing() const { return identity_.client_id.empty(); }
  /// Bytes that a session may own now: of what it was sent, as much as its limits let it keep.
  [[nodiscard]] std::size_t memory_bound() const;
  /// Bytes of the names that it knows the client by.
  [[nodiscard]] std::size_t identity_size() const;

 private:
  /// How a frame is to come out.
  enum class Way : std::uint8_t {
    verbatim,
    connect,
    connack,
    subscribe,
    suback,
    alias,
    mended,     // CONNACK, without what is wrong with it
    reference,  // DISCONNECT, without its Server Reference
  };
  struct Expected {
    std::size_t at = 0;  // where in Flow::in it begins
    std::uint64_t size = 0;
    std::size_t head = 0;  // of which so much is head
    Way way = Way::verbatim;
    bool maybe = false;                // or not at all
    std::string topic;                 // PUBLISH: what it means
    std::vector<std::string> refused;  // SUBSCRIBE, UNSUBSCRIBE: the filters that were
    bool too_many = false;             // and so were all that stand behind the most
  };
  struct Refused {
    Action action;
    std::string topic;
    bool too_many;  // filters: one refusal for all that are
  };
  /// What one side sends and the other gets.
  struct Flow {
    std::string in;           // all that counts so far, and what is offered now
    std::size_t taken = 0;    // of `in`, what counts
    std::size_t decided = 0;  // where the first frame begins that is not decided
    std::deque<Expected> expected;
    std::string out;  // came out and is not accounted for
    std::uint64_t left =
        0;                 // of expected.front(), bytes that have not come out; 0: it has not begun
    std::size_t next = 0;  // where in `in` those are
    std::map<std::uint16_t, std::string> sender_aliases;
    std::map<std::uint16_t, std::string> receiver_aliases;
    std::vector<Refused> refusals;  // since the last packet
    bool rewritten = false;         // since the last packet
    std::deque<std::string> received;
  };
  struct Request {
    std::set<std::size_t> counts;   // of filters: one, unless the identifier is used again early
    std::set<std::size_t> refused;  // places, where it is certain which
    bool reduced = false;
  };
  using Ids = std::map<std::uint16_t, int>;

  Flow& flow(Side from) { return flows_[static_cast<std::size_t>(from)]; }
  [[nodiscard]] const Flow& flow(Side from) const { return flows_[static_cast<std::size_t>(from)]; }
  /// Does a packet go to this side of which the end is still to come?
  [[nodiscard]] bool streaming(Side to) const { return flow(other(to)).left != 0; }
  [[nodiscard]] mqtt::Frame framed(Side from, Bytes bytes) const;
  [[nodiscard]] mqtt::Frame input_frame(Side from, const Expected& expected) const;
  std::uint32_t& max_packet(Side side) { return max_packet_[static_cast<std::size_t>(side)]; }

  // model.cc: what is expected of a frame that was decided
  void on_connect(Expected expected);
  void on_connack(Expected expected);
  void on_publish(Side from, Expected expected, bool refused);
  void on_ack(Side from, Expected expected, bool refused);
  void on_pingresp(Expected expected);
  void on_bad_delivery(const Expected& expected);
  void on_bad_answer(const Expected& expected);
  void deliver(std::uint16_t id, unsigned qos, bool refused);
  void expect(Side from, Expected expected);
  void admit();

  // model_requests.cc
  void on_subscribe(Expected expected);
  void on_unsubscribe(Expected expected);
  void expect_request(const mqtt::Subscribe& request, Expected expected);
  void note_request(std::uint16_t id, Request request);
  void on_suback(Expected expected);

  // model_output.cc: what came out
  void match(Side from);
  bool match_expected(Side from, const mqtt::Frame& frame);
  bool is_rewritten(Side from, const Expected& expected, const mqtt::Frame& frame);
  void forwarded(Side from, const Expected& expected, const mqtt::Frame& frame);
  void forwarded_publish(Side from, const Expected& expected, const mqtt::Frame& frame);
  void own(Side to, const mqtt::Frame& frame);
  void own_to_client(const mqtt::Frame& frame);
  void own_to_broker(const mqtt::Frame& frame);
  [[nodiscard]] bool is_valid(Side from, const mqtt::Frame& frame, CheckSet* tolerated) const;
  void check_received(Side to, const mqtt::Frame& frame);
  void remember(Side to, const mqtt::Frame& frame);

  Bounds limits_;
  std::size_t max_held_;
  policy::Policy::Ptr policy_;
  Identity identity_{"devices", "127.0.0.1", {}, {}, {}};
  std::optional<policy::Grants> grants_;
  mqtt::Version version_ = mqtt::Version::v3_1_1;
  Flow flows_[2];
  std::optional<Expected> connect_;  // waits for the broker's connection
  bool connected_ = false;
  bool answered_ = false;  // the client got a CONNACK
  bool begun_ = false;
  bool ended_ = false;
  bool said_goodbye_ = false;
  bool leaves_will_ = false;                                // CONNECT had one
  std::uint32_t max_packet_[2] = {UINT32_MAX, UINT32_MAX};  // that a side takes
  std::size_t auth_method_ = 0;

  // What the gateway owes, by packet identifier.
  Ids puback_, pubrec_, pubcomp_;                             // the client
  std::map<std::uint16_t, std::deque<std::size_t>> subacks_;  // and how many codes
  int pingresp_ = 0;
  Ids dropped_[3];                             // the broker, by QoS
  std::set<std::uint16_t> uncertain_;          // of which some may have lapsed
  std::set<std::uint16_t> carried_by_client_;  // delivered, and not at their end
  Ids broker_pubcomp_;
  // Exchanges of the gateway's own.
  std::set<std::uint16_t> refused_qos2_;   // 3.x: refused, and not released
  std::set<std::uint16_t> released_qos2_;  // and released
  std::set<std::uint16_t> carried_qos2_;   // with the broker, and not at their end
  std::set<std::uint16_t> dropped_qos2_;   // the gateway has sent PUBREC to the broker
  std::set<std::string> mended_;  // broker's answers that may come out in another form: type and id
  bool pings_mixed_ = false;      // a PINGRESP was wrong, so whose the next one is is not certain
  int own_pings_ = 0;
  int client_pings_ = 0;
  std::map<std::uint16_t, Request> requests_;  // SUBSCRIBEs that went to the broker
  std::set<std::string> subscriptions_;        // filters that went there
  bool gave_up_ = false;                       // some of them are no longer
  bool delivered_ = false;                     // something that the client must acknowledge
  // What a session may keep something of.
  std::size_t connect_size_ = 0;
  std::set<std::uint16_t> delivery_ids_;
  std::set<std::uint16_t> qos2_ids_;
  std::size_t requested_ = 0;
  std::size_t filters_ = 0;
};

}  // namespace sallyport::fuzz
