#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sallyport/identity.h"
#include "sallyport/mqtt.h"
#include "sallyport/per_side.h"
#include "sallyport/policy.h"
#include "sallyport/time.h"

namespace sallyport {

/// What a connection goes through, in this order. src/README.md, "The life of a connection"
enum class Phase : std::uint8_t {
  accept,     // the socket was accepted; nothing has been read
  header,     // a PROXY header is read
  handshake,  // of TLS with the client
  connect,    // CONNECT is awaited and judged
  login,      // an authenticator is asked
  dial,       // to the broker, TLS with it included
  connack,    // the broker's answer to CONNECT is awaited
  open,
  end,
};
[[nodiscard]] std::string_view to_string(Phase phase);

/// What a session has moved so far.
struct Tally {
  PerSide<std::uint64_t> packets;  // by the side that sent them
  PerSide<std::uint64_t> bytes;    // of those packets, payloads included
  std::uint64_t refused = 0;       // refusals, of whole packets, filters and the session itself
  std::uint64_t throttled = 0;     // how often reading stopped for a limit
  /// The last code with which the broker refused something (CONNACK, PUBACK, PUBREC, SUBACK,
  /// UNSUBACK) or said DISCONNECT for a reason; none: it did neither. Return codes of 3.x as
  /// what 5.0 calls them.
  std::optional<mqtt::ReasonCode> broker_code = {};
};

/// Room that every session has for the one who listens to its events, so that nothing has to be
/// looked up for each of them. The session keeps it, begins with zeros, and never looks at it.
struct Seat {
  std::uint32_t group = 0;   // by what listener and role it is counted; 0: no roles are known yet
  std::uint32_t place = 0;   // in the list of talkers, if the entry there still has this key
  std::uint64_t talker = 0;  // 0: none was made yet
  PerSide<std::uint64_t> bytes;    // of the Tally that was counted last
  PerSide<std::uint32_t> packets;  // and the low bits of its packets: no second brings 2^32
  bool open = false;               // counted among the sessions that are open
};

/// Who an event is about. Views and references are valid during the call only.
struct Who {
  std::uint64_t session = 0;  // unique, over restarts too; 0: there is no session (yet)
  const Identity& identity;   // before CONNECT: listener and address; behind TLS the certificate
  std::optional<mqtt::Version> version = {};  // none: no CONNECT has said it
  Seat* seat = nullptr;                       // null: there is no session
};

/// What the policy, a bound or a check did not let through, in any phase, or (action `report`) let
/// through and only names.
struct Refusal {
  Phase phase = Phase::open;
  Side from = Side::client;
  mqtt::PacketType packet = mqtt::PacketType::reserved;  // reserved: it is about no packet
  Action action = Action::drop;
  mqtt::ReasonCode reason = mqtt::ReasonCode::not_authorized;
  policy::Cause cause;
  std::string_view topic;  // topic or filter; empty where there is none
  /// Phase::handshake: the certificate that the client showed where it was not accepted; null:
  /// none, or one that cannot be read. Nothing of it was verified, so it is never an identity.
  const Certificate* shown = nullptr;
};

/// A TLS handshake that ended.
struct Handshake {
  Side side = Side::client;
  std::string_view listener;     // of the client's connection, for either side
  std::string_view version;      // "TLSv1.3"; static. Empty where it failed
  Duration took{};               // since accept() or the dial
  std::optional<Check> failure;  // none: it succeeded
  // Where it succeeded:
  std::string_view cipher = {};  // "TLS_AES_128_GCM_SHA256"; static
  std::string_view group = {};   // of the key exchange: "X25519"; static; empty: there was none
  bool resumed = false;          // with a ticket, without certificates
  bool has_sni = false;          // the client said which name it wants
  /// Side::broker: when the first certificate of the broker's chain ends; epoch: not known.
  std::chrono::system_clock::time_point chain_end = {};
};

enum class CloseKind : std::uint8_t {
  disconnect,     // the client said DISCONNECT, or a 5.0 broker did
  closed,         // a side closed its connection without
  network_error,  // a socket failed; detail is the system's word
  tls_error,
  refused,    // a verdict; detail is the rule or check
  malformed,  // detail is the check
  connect_timeout,
  keep_alive,      // detail is the check
  broker_refused,  // the broker's CONNACK said no
  broker_unavailable,
  login_unavailable,  // detail is the check
  administrative,     // somebody ended it; detail is the check
  certificate,        // the client's certificate counts no more; detail is the check
  policy_changed,     // a reload took the identity's right to be here
  shutdown,
  internal_error,
};
[[nodiscard]] std::string_view to_string(CloseKind kind);

/// Why a session ended: one value for the log, the metric and the audit line.
struct CloseReason {
  Side side = Side::client;  // whose doing
  CloseKind kind = CloseKind::closed;
  std::string_view detail;  // static, or as long-lived as the session's policy
  /// Topic of the Will that the broker publishes because of this end, at once or after the Will
  /// Delay Interval; empty: none. Where the session ends between CONNECT and CONNACK nobody knows
  /// whether the broker had accepted it, so the Will is named. Valid during on_session_end() only.
  /// 3.1.2.5
  std::string_view will = {};
  /// What the session has moved. Filled in for on_session_end().
  Tally tally = {};
};

/// What the gateway changed in a packet that it passed on. See "What the gateway may change".
enum class Rewrite : std::uint8_t {
  connect,
  connack,
  subscribe,
  suback,
  topic_alias,
  server_reference,  // taken out of CONNACK or DISCONNECT
  mended,            // what is wrong with an answer of the broker's was left out
};
[[nodiscard]] std::string_view to_string(Rewrite rewrite);

enum class LoginAnswer : std::uint8_t { allowed, refused, unavailable };
[[nodiscard]] std::string_view to_string(LoginAnswer answer);

/// The only way out of the core. Called on the worker's thread; implementations return at once,
/// never block and never call back. Arguments are valid during the call only. What an
/// implementation does not care for it leaves out.
class Events {
 public:
  virtual ~Events() = default;

  /// A whole or streaming control packet was read; `bytes` is its full size.
  virtual void on_packet(Side /*from*/, mqtt::PacketType /*type*/, std::uint64_t /*bytes*/) {}
  /// Every refusal, in any phase, with or without a session.
  virtual void on_refusal(const Who& /*who*/, const Refusal& /*refusal*/) {}
  virtual void on_rewrite(Rewrite /*what*/) {}
  /// The policy admits the client, at CONNECT or when it is judged anew. `roles`: the names of its
  /// roles in the policy's order, with '+' between them.
  virtual void on_admitted(const Who& /*who*/, std::string_view /*roles*/) {}
  /// An authenticator was asked, and this was its answer.
  virtual void on_login(const Who& /*who*/, LoginAnswer /*answer*/, Duration /*took*/) {}
  /// The broker answered what the gateway had sent it: CONNACK, PUBACK, PUBREC or SUBACK. Of each
  /// session one packet at a time is followed, so these are samples.
  virtual void on_broker_answer(mqtt::PacketType /*answer*/, Duration /*took*/) {}
  /// The broker's own answer refuses something: a code of 0x80 or more, which is for MQTT 3.x the
  /// nearest one of 5.0. Once for each code of SUBACK and UNSUBACK.
  virtual void on_broker_refusal(const Who& /*who*/, mqtt::PacketType /*answer*/,
                                 mqtt::ReasonCode /*code*/) {}
  /// Reading from a side stops for `pause` because of `cause`.
  virtual void on_throttle(const Who& /*who*/, Side /*from*/, policy::Cause /*cause*/,
                           Duration /*pause*/) {}
  /// The broker accepted the client's CONNECT.
  virtual void on_session_begin(const Who& /*who*/) {}
  /// Once for every Session; `begun`: on_session_begin was called.
  virtual void on_session_end(const Who& /*who*/, const CloseReason& /*why*/, bool /*begun*/) {}
};

/// Bytes on the wire, TLS included, by side.
struct WireBytes {
  std::uint64_t received[2] = {};
  std::uint64_t sent[2] = {};
  std::int64_t queued[2] = {};  // how many more (or less) wait for a side than at the last call
};

/// What happens to connections rather than to packets; reported by `proxy`. Same rules as Events.
/// `listener` is the listener's name.
class GatewayEvents : public Events {
 public:
  /// A connection that the door let in.
  virtual void on_accept(std::string_view /*listener*/) {}
  /// Once for every on_accept().
  virtual void on_connection_closed(std::string_view /*listener*/) {}
  /// One that failed for a reason of the client's is also told by on_refusal().
  virtual void on_handshake(const Handshake& /*handshake*/) {}
  /// A dial ended; `failure`: none, the connection is ready for bytes. `detail`: what the log says
  /// of it, in more words than the check's; may be empty.
  virtual void on_broker_connect(Duration /*took*/, std::optional<Check> /*failure*/,
                                 std::string_view /*detail*/) {}
  /// A client that the listener lets in out of leniency is here (true), or no longer; once each.
  virtual void on_lenient(std::string_view /*listener*/, Leniency /*needs*/, bool /*here*/) {}
  /// Bytes of all connections of a worker since the last call, about once a second.
  virtual void on_wire_bytes(const WireBytes& /*bytes*/) {}
  /// What a session has moved since it began. About once a second for each that has moved anything
  /// since the last call; on_session_end() tells the rest.
  virtual void on_moved(const Who& /*who*/, const Tally& /*so_far*/) {}
  /// How long a turn of a connection took, from reading a side to handing on what followed from
  /// that. Of one turn in 16, for nearly all are alike and a clock costs more than a packet's way.
  virtual void on_turn(Duration /*took*/) {}
  /// Connects to the broker that run, and that wait for one of those to end. Once in a heartbeat.
  virtual void on_dials(std::uint32_t /*running*/, std::uint32_t /*waiting*/) {}
  /// A side is slow: reading from the other one stopped (true) or goes on again, or the connection
  /// has ended (false).
  virtual void on_backpressure(Side /*slow*/, bool /*paused*/) {}
  /// The worker's loop turned. Called from a timer about once a second, however busy or idle the
  /// worker is: a worker that has not called it for 10 s is reported as stuck (/healthz).
  virtual void on_heartbeat() {}
};

}  // namespace sallyport
