#include "observe/worker_events.h"

#include <chrono>

#include "observe/audit_writer.h"

namespace sallyport::observe {

namespace {

template <typename Enum>
constexpr std::size_t index_of(Enum value) {
  return static_cast<std::size_t>(value);
}

std::size_t tls_version_index(std::string_view version) {
  if (version.empty()) return 3;
  for (std::size_t i = 0; i < 2; ++i)
    if (kTlsVersions[i] == version) return i;
  return 2;
}

/// Ends of connections that never became a session and that nobody needs to be told of: port
/// probes, health checks of a load balancer, clients that gave up. What the gateway or the broker
/// refused is told in any case.
bool is_noise(const CloseReason& why, bool begun) {
  if (begun) return false;
  switch (why.kind) {
    case CloseKind::disconnect:
    case CloseKind::closed:
    case CloseKind::network_error:
    case CloseKind::shutdown:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::int64_t steady_nanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

WorkerEvents::WorkerEvents(Names& names, WorkerCounters& counters, AuditQueue* queue,
                           AuditWaker* waker, std::uint64_t seed)
    : names_(names), counters_(counters), queue_(queue), waker_(waker), repeats_(seed) {}

void WorkerEvents::on_packet(Side from, mqtt::PacketType type, std::uint64_t bytes) {
  SideCounters& side = counters_.sides[index_of(from)];
  side.packets[index_of(type) % kPacketTypes].add();
  side.packet_bytes[index_of(type) % kPacketTypes].add(bytes);
}

void WorkerEvents::on_refusal(const Who& who, const Refusal& refusal) {
  counters_.series.add({.kind = SeriesKey::Kind::refusal,
                        .name = names_.rules.id(refusal.cause.name),
                        .from = refusal.from,
                        .action = refusal.action,
                        .reason = refusal.reason});
  if (queue_ == nullptr) return;
  if (!audit_takes(who.identity, RepeatFilter::Who::client, refusal.cause.name, steady_nanos()))
    return;
  auto record = std::make_unique<AuditRecord>(AuditRecord::Event::refusal, wall_clock(), who);
  record->set_refusal(refusal);
  send(std::move(record));
}

void WorkerEvents::on_rewrite(Rewrite what) {
  if (index_of(what) < kRewrites) counters_.rewrites[index_of(what)].add();
}

void WorkerEvents::on_throttle(const Who&, Side from, policy::Cause cause, Duration pause) {
  counters_.series.add({.kind = SeriesKey::Kind::throttle,
                        .name = names_.rules.id(cause.name),
                        .from = from,
                        .action = Action::throttle},
                       pause);
}

void WorkerEvents::on_session_begin(const Who& who) {
  counters_.sessions_begun.add();
  counters_.sessions_open.up();
  if (queue_ == nullptr) return;
  const std::int64_t now = steady_nanos();
  begun_at_[who.session] = now;
  if (!audit_takes(who.identity, RepeatFilter::Who::client_and_identifier, "session_begin", now))
    return;
  send(std::make_unique<AuditRecord>(AuditRecord::Event::session_begin, wall_clock(), who));
}

void WorkerEvents::on_session_end(const Who& who, const CloseReason& why, bool begun) {
  if (begun) counters_.sessions_open.down();
  counters_.sides[index_of(why.side)]
      .sessions_ended[begun ? 1 : 0][index_of(why.kind) % kCloseKinds]
      .add();
  if (queue_ == nullptr) return;
  const std::int64_t now = steady_nanos();
  Duration took{};
  if (const auto at = begun_at_.find(who.session); at != begun_at_.end()) {
    took = Duration(now - at->second);
    begun_at_.erase(at);
  }
  if (is_noise(why, begun)) return;
  const bool takes =
      begun
          ? audit_takes(who.identity, RepeatFilter::Who::client_and_identifier, "session_end", now)
          : audit_takes(who.identity, RepeatFilter::Who::client, to_string(why.kind), now);
  if (!takes) return;
  auto record = std::make_unique<AuditRecord>(AuditRecord::Event::session_end, wall_clock(), who);
  record->set_end(why, begun, took);
  send(std::move(record));
}

void WorkerEvents::on_accept(std::string_view listener) {
  ListenerCounters& counters = counters_.listeners[names_.listener_index(listener)];
  counters.accepted.add();
  counters.open.up();
}

void WorkerEvents::on_connection_closed(std::string_view listener) {
  counters_.listeners[names_.listener_index(listener)].open.down();
}

void WorkerEvents::on_handshake(const Handshake& handshake) {
  const bool ok = !handshake.failure;
  SideCounters& counters = counters_.sides[index_of(handshake.side)];
  counters.handshakes[ok ? 1 : 0][tls_version_index(handshake.version)].add();
  // Only those that succeeded: a peer that opens a connection and waits would else decide what the
  // histogram shows.
  if (ok) {
    counters.handshake_took.observe(handshake.took);
  } else {
    counters.handshake_failures[index_of(*handshake.failure)].add();
  }
}

void WorkerEvents::on_broker_connect(Duration took, std::optional<Check> failure) {
  const bool ok = !failure;
  counters_.broker_connects[ok ? 1 : 0].add();
  if (ok) {
    counters_.broker_connect_took.observe(took);
  } else {
    counters_.broker_failures[index_of(*failure)].add();
  }
  const auto now = static_cast<std::uint64_t>(steady_nanos());
  counters_.last_broker_connect.store((now & ~std::uint64_t{1}) | (ok ? 1 : 0),
                                      std::memory_order_relaxed);
}

void WorkerEvents::on_wire_bytes(const WireBytes& bytes) {
  for (std::size_t side = 0; side != kSides; ++side) {
    counters_.sides[side].wire_received.add(bytes.received[side]);
    counters_.sides[side].wire_sent.add(bytes.sent[side]);
  }
}

void WorkerEvents::on_backpressure(Side slow, bool paused) {
  if (paused) counters_.sides[index_of(slow)].backpressure_pauses.add();
}

void WorkerEvents::on_heartbeat() {
  counters_.heartbeat.store(steady_nanos(), std::memory_order_relaxed);
}

bool WorkerEvents::audit_takes(const Identity& identity, RepeatFilter::Who who,
                               std::string_view what, std::int64_t now) {
  if (!repeats_.pass(identity, who, what, now)) {
    queue_->count_repeated();
    return false;
  }
  if (!queue_->has_room()) {
    queue_->count_full();
    return false;
  }
  return true;
}

void WorkerEvents::send(std::unique_ptr<AuditRecord> record) {
  queue_->push(std::move(record));
  waker_->wake();
}

}  // namespace sallyport::observe
