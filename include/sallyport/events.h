#pragma once

#include <cstdint>
#include <string_view>

#include "sallyport/identity.h"
#include "sallyport/mqtt.h"
#include "sallyport/policy.h"
#include "sallyport/time.h"

namespace sallyport {

/// Who an event is about. Views and references are valid during the call only.
struct SessionInfo {
  std::uint64_t id = 0;  // unique within the process
  const Identity& identity;
  mqtt::Version version = mqtt::Version::v3_1_1;
};

/// A packet, or a part of one, that the policy or a check did not let through, or (action
/// `report`) let through and only names.
struct Refusal {
  Side from = Side::client;
  mqtt::PacketType packet = mqtt::PacketType::reserved;
  Action action = Action::drop;
  mqtt::ReasonCode reason = mqtt::ReasonCode::not_authorized;
  policy::Cause cause;
  std::string_view topic;  // topic or filter; empty where there is none
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
  policy_changed,  // a reload took the identity's right to be here
  shutdown,
  internal_error,
};
[[nodiscard]] std::string_view to_string(CloseKind kind);

/// Why a session ended: one value for the log, the metric and the audit line.
struct CloseReason {
  Side side = Side::client;  // whose doing
  CloseKind kind = CloseKind::closed;
  std::string_view detail;  // static, or as long-lived as the session's policy
};

/// What the gateway changed in a packet that it passed on. See "What the gateway may change".
enum class Rewrite : std::uint8_t { connect, connack, subscribe, suback, topic_alias };
[[nodiscard]] std::string_view to_string(Rewrite rewrite);

/// The only way out of the core. Called on the worker's thread; implementations return at once,
/// never block and never call back. Arguments are valid during the call only.
class Events {
 public:
  virtual ~Events() = default;

  /// A whole or streaming control packet was read; `bytes` is its full size.
  virtual void on_packet(Side from, mqtt::PacketType type, std::uint64_t bytes) = 0;
  virtual void on_refusal(const SessionInfo& who, const Refusal& refusal) = 0;
  virtual void on_rewrite(Rewrite what) = 0;
  /// Reading from a side stops for `pause` because of `cause`.
  virtual void on_throttle(const SessionInfo& who, Side from, policy::Cause cause,
                           Duration pause) = 0;
  /// The broker accepted the client's CONNECT.
  virtual void on_session_begin(const SessionInfo& who) = 0;
  /// Once for every Session; `begun`: on_session_begin was called.
  virtual void on_session_end(const SessionInfo& who, const CloseReason& why, bool begun) = 0;
};

/// Bytes on the wire, TLS included, by side.
struct WireBytes {
  std::uint64_t received[2] = {};
  std::uint64_t sent[2] = {};
};

/// What happens to connections rather than to packets; reported by `proxy`. Same rules as Events.
/// `listener` is the listener's name, `detail` is static.
class GatewayEvents : public Events {
 public:
  virtual void on_accept(std::string_view listener) = 0;
  /// Closed right after accept(): "max_connections", "max_connections_per_address", "shutdown".
  virtual void on_reject(std::string_view listener, std::string_view reason) = 0;
  /// Once for every on_accept().
  virtual void on_connection_closed(std::string_view listener) = 0;
  /// A TLS handshake with a side ended. `version` is "TLSv1.3" or empty; detail says why it failed.
  virtual void on_handshake(Side side, bool ok, std::string_view version, Duration took,
                            std::string_view detail) = 0;
  virtual void on_broker_connect(bool ok, Duration took, std::string_view detail) = 0;
  /// Bytes since the last call; once a turn, and once more at the end.
  virtual void on_wire_bytes(const WireBytes& bytes) = 0;
  /// A side is slow: reading from the other one stopped (true) or goes on again.
  virtual void on_backpressure(Side slow, bool paused) = 0;
  /// The worker's loop turned. Called from a timer about once a second, however busy or idle the
  /// worker is: a worker that has not called it for 10 s is reported as stuck (/healthz).
  virtual void on_heartbeat() {}
};

}  // namespace sallyport
