#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sallyport/events.h"
#include "sallyport/ledger.h"
#include "sallyport/login.h"
#include "sallyport/outbox.h"
#include "sallyport/per_side.h"
#include "sallyport/policy.h"
#include "sallyport/settings.h"
#include "sallyport/siphash.h"

namespace sallyport {

/// What a session wants done at the end of a turn. Owned by the worker, reused for every turn.
struct Turn {
  Outbox to_client;
  Outbox to_broker;
  /// Connect to the broker, then call Session::broker_connected() or transport_closed().
  bool dial = false;
  /// Ask an authenticator about Session::login(), then call Session::authenticated(). A session
  /// that ends before that wants no answer any more.
  bool authenticate = false;
  /// Send what the outboxes hold, then close both sides. The session has said its last word.
  std::optional<CloseReason> close;
  /// How much Session::feed() may still decide in this turn. A packet costs 1, each filter of a
  /// SUBSCRIBE or UNSUBSCRIBE 1 more, and each refusal kWorkOfRefusal more. The caller sets it
  /// before feed(); clear() takes the bound away again. The last packet may cost more than is left.
  std::uint32_t work = UINT32_MAX;
  /// A refusal, with its line for the audit log, costs what so many packets cost that pass.
  static constexpr std::uint32_t kWorkOfRefusal = 16;
  /// Where sessions make packets, so that none owns memory for it. What it holds between calls
  /// means nothing.
  Buffer scratch;

  [[nodiscard]] Outbox& to(Side side) { return side == Side::client ? to_client : to_broker; }
  void clear();
};

/// What all sessions of one listener share. Immutable while any session refers to it.
struct SessionOptions {
  Bounds bounds;
  Duration broker_timeout = settings::Broker().connack_timeout;  // from dialling to CONNACK
  settings::BrokerFaults faults;
  /// Whether an authenticator is asked about every CONNECT that all other checks let in.
  bool authenticate = false;
  Duration login_timeout = settings::Login().timeout;  // for the authenticator's answer
  std::uint32_t max_held = settings::Inspection().max_held;
  std::uint32_t queued_replies = settings::Flow().queued_replies;
  std::uint32_t broker_gathered = settings::Broker().max_gathered;
  /// Topic filters are told apart by a hash under this key, which no client may know: random.
  HashKey hash_key{};
  /// How often one client may connect, as a limit named after the listener; none: always.
  std::optional<RateLimit> connects;
  /// Keeps what was used of limits when a session ends. Null: each session counts for itself, and
  /// `connects` does not count. Outlives the sessions.
  Ledger* ledger = nullptr;
};

/// The protocol state between one client connection and its broker connection. Pure: bytes and
/// time in, bytes and wishes out; it knows no socket, no clock, no TLS.
///
/// Thread: one; the worker's. Lifetime: made when the client's transport is ready (behind the TLS
/// handshake), destroyed after Turn::close. `options` and `events` outlive it.
///
/// Every call that takes a Turn appends to it. Segments in its outboxes may point into the bytes
/// given to feed(), so the turn is sent (or copied) before those bytes are touched again.
class Session final {
 public:
  /// `accepted` is when the client's connection was accepted: connect_timeout counts from there, so
  /// that the TLS handshake is paid out of the same time.
  Session(const SessionOptions& options, Identity identity, policy::Policy::Ptr policy,
          Events& events, std::uint64_t id, Instant accepted);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Bytes that arrived from a side, in order, cut anywhere. Returns how many were taken. Where it
  /// returns fewer than were given, keep the rest:
  ///   - paused() is not 0: feed the rest once paused() is 0;
  ///   - paused() is 0: Turn::work is used up; feed the rest in a later turn. feed() stops between
  ///     packets only: the payload of a packet that was decided is taken without work.
  /// A session that is over takes everything and forwards nothing.
  [[nodiscard]] std::size_t feed(Side from, Bytes bytes, Instant now, Turn& turn);

  /// Why feed() would take nothing from a side now: a set, so that two reasons do not undo each
  /// other. 0: not paused. The bits are for metrics.
  enum Pause : std::uint8_t {
    kAwaitingAnswer = 1,  // client: authenticator or broker have not answered CONNECT yet
    kThrottled = 2,       // a limit with on_exceed = throttle
    kRepliesQueued = 4,   // replies wait for the end of a packet that is streaming past
  };
  [[nodiscard]] std::uint8_t paused(Side from) const;

  /// What Turn::authenticate asks about. Only between that and authenticated().
  [[nodiscard]] LoginRequest login() const;
  /// The authenticator's answer. An answer that the session does not wait for changes nothing.
  void authenticated(const LoginResult& result, Instant now, Turn& turn);

  /// The dial that Turn::dial asked for begins at `when`, from where broker_timeout counts; kNever:
  /// it waits for its turn, and whoever lets it wait bounds the time. Not called: it began at once.
  void dial_begins(Instant when);
  /// The dial was not made, because the gateway may not make more of them: broker_queue or
  /// broker_queue_full. The session ends.
  void dial_refused(Check check, Instant now, Turn& turn);
  /// The connection that Turn::dial asked for is ready for bytes (behind TLS, where it has TLS).
  void broker_connected(Instant now, Turn& turn);
  /// A transport ended: closed, failed, or (broker, before broker_connected) never came to be.
  /// `detail` is static. Not called for what Turn::close asked for.
  void transport_closed(Side side, CloseKind kind, std::string_view detail, Instant now,
                        Turn& turn);

  /// A side has taken no bytes for as long as one is waited for. The session ends.
  void stalled(Side side, Instant now, Turn& turn);

  /// The relay stops reading a side for a reason of its own (the other side is slow), or goes on:
  /// what is not read is not held against the client's keep-alive.
  void set_reading(Side side, bool reading, Instant now);

  /// The earliest time at which tick() has work; kNever: none. Any call may change it.
  [[nodiscard]] Instant wake_at() const;
  /// Timers: deadlines for CONNECT, login and CONNACK, the end of a login, keep-alive, the end of a
  /// throttle. Early and late calls are harmless.
  void tick(Instant now, Turn& turn);

  /// From here on `policy` decides. Ends the session where it does not admit the identity.
  void set_policy(policy::Policy::Ptr policy, Instant now, Turn& turn);
  /// The gateway goes down: says so to a 5.0 client and closes. `elsewhere`: other servers, as a
  /// Server Reference names them, at most 65,535 bytes, to which a 5.0 client that takes a packet
  /// of that size is sent; empty: none. 4.11 (5.0)
  void shut_down(Instant now, Turn& turn, std::string_view elsewhere = {});
  /// Somebody ends the session for a reason of theirs, `check`, which is reported. A client of 5.0
  /// is told `reason`. A session that is over stays as it is.
  void end(Check check, mqtt::ReasonCode reason, Instant now, Turn& turn);

  /// The client's certificate counts no more, for the reason `check`, which is reported. What the
  /// client was is nobody any more, so a Will of it is taken back: the broker is sent DISCONNECT in
  /// the client's place, unless a packet is half way to it. A client of 5.0 is told "not
  /// authorized". A session that is over stays as it is.
  void revoke(Check check, Instant now, Turn& turn);

  /// Who the client is, as far as it is known. Valid until the next call that is not const.
  [[nodiscard]] const Identity& identity() const;
  [[nodiscard]] Tally tally() const;
  /// For events about this session. Valid as long as identity() is.
  [[nodiscard]] Who who() const;
  /// Would an end now cut something off: a login, a packet half way, a SUBSCRIBE without its
  /// answer, a message without its acknowledgement? What a 3.x client publishes with QoS 1 is not
  /// counted.
  [[nodiscard]] bool is_busy() const;

  /// Bytes this session owns beyond its own object: gathered heads, queued replies, tables. A test
  /// holds it below what Bounds add up to.
  [[nodiscard]] std::size_t memory() const;
  /// Bytes of that object itself, the same for every session.
  [[nodiscard]] static std::size_t object_size();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport
