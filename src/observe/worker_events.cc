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
  for (std::size_t i = 0; i < 2; ++i) {
    if (kTlsVersions[i] == version) return i;
  }
  return 2;
}

/// Ends of connections that no CONNECT ever came from and that nobody needs to be told of: port
/// probes, health checks of a load balancer, clients that gave up. What the gateway or the broker
/// refused is told in any case, and so is whoever said CONNECT: the broker may have acted on it.
bool is_noise(const Who& who, const CloseReason& why) {
  if (who.version) return false;
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
                           AuditWaker* waker, const settings::AuditLimits& limits,
                           const HashKey& key)
    : names_(names),
      counters_(counters),
      queue_(queue),
      waker_(waker),
      repeats_(limits, key),
      flush_every_(limits.interval.count()),
      throttles_(limits.throttle_quiet),
      key_(key) {}

void WorkerEvents::on_packet(Side from, mqtt::PacketType type, std::uint64_t bytes) {
  SideCounters& side = counters_.sides[index_of(from)];
  side.packets[index_of(type) % kPacketTypes].add();
  side.packet_bytes[index_of(type) % kPacketTypes].add(bytes);
}

SeriesKey WorkerEvents::series_key(const Who& who, const Refusal& refusal) {
  const std::size_t listener = names_.listener_index(who.identity.listener);
  return {.kind = SeriesKey::Kind::refusal,
          .name = names_.rules.id(refusal.cause.name),
          .role = counters_.groups.role(group_of(who)),
          .listener = static_cast<std::uint16_t>(listener),
          .phase = static_cast<std::uint8_t>(refusal.phase),
          .from = refusal.from,
          .action = refusal.action,
          .reason = refusal.reason};
}

void WorkerEvents::on_refusal(const Who& who, const Refusal& refusal) {
  const SeriesKey key = series_key(who, refusal);
  counters_.series.add(key);
  count_offence(who, refusal);
  if (refusal.phase == Phase::accept) {
    for (std::size_t i = 0; i < kBoundChecks.size(); ++i) {
      if (refusal.cause.name == to_string(kBoundChecks[i])) {
        counters_.listeners[key.listener].at_bound[i].add();
      }
    }
  }
  if (queue_ == nullptr) return;
  audit({.what = AuditRecord::Event::refusal,
         .cause = refusal.cause.name,
         .topic = refusal.topic,
         .begun = refusal.phase == Phase::open,
         .as_crowd = true},
        who, steady_nanos(), [&](AuditRecord& record) { record.set_refusal(refusal); });
}

void WorkerEvents::on_rewrite(Rewrite what) {
  if (index_of(what) < kRewrites) counters_.rewrites[index_of(what)].add();
}

void WorkerEvents::on_throttle(const Who& who, Side from, policy::Cause cause, Duration pause) {
  counters_.series.add(
      {.kind = SeriesKey::Kind::throttle,
       .name = names_.rules.id(cause.name),
       .role = counters_.groups.role(group_of(who)),
       .listener = static_cast<std::uint16_t>(names_.listener_index(who.identity.listener)),
       .from = from,
       .action = Action::throttle},
      pause);
  if (queue_ == nullptr) return;
  const std::int64_t now = steady_nanos();
  if (!throttles_.add(who, from, cause, pause, now)) return;
  audit({.what = AuditRecord::Event::throttle_begin,
         .cause = cause.name,
         .topic = {},
         .begun = true,
         .as_crowd = true},
        who, now, [&](AuditRecord& record) { record.set_throttle(from, cause); });
}

void WorkerEvents::on_session_begin(const Who& who) {
  begin_count(who);
  if (queue_ == nullptr) return;
  const std::int64_t now = steady_nanos();
  begun_at_[who.session] = now;
  audit({.what = AuditRecord::Event::session_begin,
         .cause = {},
         .topic = {},
         .begun = true,
         .as_crowd = false},
        who, now, [](AuditRecord&) {});
}

void WorkerEvents::on_session_end(const Who& who, const CloseReason& why, bool begun) {
  if (begun) end_count(who);
  counters_.sides[index_of(why.side)]
      .sessions_ended[begun ? 1 : 0][index_of(why.kind) % kCloseKinds]
      .add();
  if (queue_ == nullptr) return;
  const std::int64_t now = steady_nanos();
  throttles_.end_session(who.session, now, [this](auto record) { send(std::move(record)); });
  Duration took{};
  if (const auto at = begun_at_.find(who.session); at != begun_at_.end()) {
    took = Duration(now - at->second);
    begun_at_.erase(at);
  }
  if (!begun && is_noise(who, why)) return;
  audit({.what = AuditRecord::Event::session_end,
         .cause = begun ? std::string_view() : to_string(why.kind),
         .topic = why.will,
         .begun = begun,
         .as_crowd = !begun},
        who, now, [&](AuditRecord& record) { record.set_end(why, begun, took); });
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
  TlsCounters& counters =
      counters_.listeners[names_.listener_index(handshake.listener)].tls[index_of(handshake.side)];
  counters.handshakes[ok ? 1 : 0][tls_version_index(handshake.version)].add();
  // Only those that succeeded: a peer that opens a connection and waits would else decide what the
  // histogram shows.
  if (ok) {
    counters.took.observe(handshake.took);
  } else {
    counters.failures[index_of(*handshake.failure)].add();
  }
  if (handshake.chain_end.time_since_epoch().count() == 0) return;
  const auto end = std::chrono::floor<std::chrono::seconds>(handshake.chain_end);
  counters_.broker_chain_end.store(end.time_since_epoch().count(), std::memory_order_relaxed);
  counters_.broker_chain_seen.store(steady_nanos(), std::memory_order_release);
}

void WorkerEvents::on_lenient(std::string_view listener, Leniency needs, bool here) {
  auto& levels = counters_.listeners[names_.listener_index(listener)].lenient;
  const std::array<bool, kLeniencies.size()> needed = {needs.key, needs.sha1};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (!needed[i]) continue;
    here ? levels[i].up() : levels[i].down();
  }
}

void WorkerEvents::on_broker_connect(Duration took, std::optional<Check> failure,
                                     std::string_view detail) {
  const bool ok = !failure;
  counters_.broker_connects[ok ? 1 : 0].add();
  if (ok) {
    counters_.broker_connect_took.observe(took);
  } else {
    // What is wrong with a certificate needs more words than the check's name.
    if (to_string(*failure).starts_with("tls.")) counters_.broker_failure.set(*failure, detail);
    counters_.broker_failures[index_of(*failure)].add();
  }
  const auto now = static_cast<std::uint64_t>(steady_nanos());
  counters_.last_broker_connect.store((now & ~std::uint64_t{1}) | (ok ? 1 : 0),
                                      std::memory_order_relaxed);
}

void WorkerEvents::on_wire_bytes(const WireBytes& bytes) {
  WorkerCounters& counters = counters_;
  for (std::size_t side = 0; side != kSides; ++side) {
    counters.sides[side].wire_received.add(bytes.received[side]);
    counters.sides[side].wire_sent.add(bytes.sent[side]);
    if (bytes.queued[side] != 0) counters.sides[side].queued.change(bytes.queued[side]);
  }
}

void WorkerEvents::on_backpressure(Side slow, bool paused) {
  SideCounters& side = counters_.sides[index_of(slow)];
  if (paused) side.backpressure_pauses.add();
  paused ? side.slow.up() : side.slow.down();
}

void WorkerEvents::on_heartbeat() {
  const std::int64_t now = steady_nanos();
  counters_.heartbeat.store(now, std::memory_order_relaxed);
  ++second_;
  counters_.offenders.publish(now);
  counters_.talkers.publish(now);
  if (queue_ == nullptr) return;
  throttles_.sweep(now, [this](auto record) { send(std::move(record)); });
  if (now >= flush_at_) {
    flush_at_ = now + flush_every_;
    flush_sums();
  }
}

void WorkerEvents::flush() {
  if (queue_ != nullptr) flush_sums();
}

void WorkerEvents::flush_sums() {
  if (sums_.empty()) return;
  const AuditRecord::Time now = wall_clock();
  sums_.flush([&](std::unique_ptr<AuditRecord> sum) {
    sum->set_sum_end(now);
    send(std::move(sum));
  });
}

template <typename Fill>
void WorkerEvents::audit(const Line& line, const Who& who, std::int64_t now, Fill fill) {
  const RepeatKey key = repeats_.key(who.identity, line.begun,
                                     static_cast<std::uint8_t>(index_of(line.what)), line.cause);
  const RepeatFilter::Answer answer = repeats_.pass(key, line.as_crowd, now);
  if (answer == RepeatFilter::Answer::write) {
    if (!queue_->has_room()) return queue_->count_full();
    auto record = std::make_unique<AuditRecord>(line.what, wall_clock(), who);
    fill(*record);
    return send(std::move(record));
  }
  queue_->count_repeated();
  const bool crowd = answer == RepeatFilter::Answer::crowd_repeats;
  const std::uint64_t id = crowd ? key.crowd : key.client;
  AuditRecord* sum = sums_.find(id);
  if (sum == nullptr) {
    if (sums_.is_full()) flush_sums();
    auto first = std::make_unique<AuditRecord>(line.what, wall_clock(), who);
    fill(*first);
    first->make_sum(crowd);
    sum = &sums_.add(id, std::move(first));
  }
  sum->count(crowd ? std::string_view(who.identity.client_id) : line.topic);
}

/// What finds the queue full is lost, a sum with all that it counts.
void WorkerEvents::send(std::unique_ptr<AuditRecord> record) {
  if (!queue_->has_room()) return queue_->count_full(record->lines());
  queue_->push(std::move(record));
  waker_->wake();
}

}  // namespace sallyport::observe
