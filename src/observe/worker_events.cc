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

/// About what a line has, and an example of a sum, in bytes: what is charged before it is written.
constexpr std::uint32_t kLineBytes = 500;
constexpr std::uint32_t kExampleBytes = 40;

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
      shares_(queue != nullptr && queue->budget() != nullptr ? queue->budget()->refill() : 1),
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
  if (counters_.debug_lines.wanted()) note_refusal(who, refusal);
  if (queue_ == nullptr) return;
  audit({.what = AuditEvent::refusal,
         .cause = refusal.cause.name,
         .topic = refusal.topic,
         .begun = refusal.phase == Phase::open,
         .as_crowd = true},
        who, steady_nanos(), [&](AuditRecord& record) { record.set_refusal(refusal); });
}

/// For the operator's log: who was not let in, or is let go, and why. What is refused of a session
/// that goes on is the audit log's.
void WorkerEvents::note_refusal(const Who& who, const Refusal& refusal) {
  if (refusal.phase == Phase::open && refusal.action != Action::disconnect) return;
  const std::string name(cut(refusal.cause.name, AuditRecord::kMaxText));
  std::string text = refusal.action == Action::report ? "would refuse " : "refused ";
  text += who.identity.client_id.empty()
              ? "a client"
              : '"' + std::string(cut(who.identity.client_id, AuditRecord::kMaxText)) + '"';
  text += " at " + who.identity.address + " (listener \"" + who.identity.listener + "\")";
  if (who.session != 0) text += ", session " + std::to_string(who.session);
  text += ", in phase " + std::string(to_string(refusal.phase)) + ": ";
  const std::optional<Check> check =
      refusal.cause.is_rule ? std::nullopt : find_check(refusal.cause.name);
  text += check ? std::string(describe(*check)) + " (" + name + ")" : "rule " + name;
  counters_.debug_lines.add(std::move(text));
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
  audit({.what = AuditEvent::throttle_begin,
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
  audit({.what = AuditEvent::session_begin,
         .cause = {},
         .topic = {},
         .begun = true,
         .as_crowd = false},
        who, now, [](AuditRecord&) {});
}

void WorkerEvents::on_session_end(const Who& who, const CloseReason& why, bool begun) {
  on_moved(who, why.tally);
  if (begun) end_count(who);
  counters_.sides[index_of(why.side)]
      .sessions_ended[begun ? 1 : 0][index_of(why.kind) % kCloseKinds]
      .add();
  if (queue_ == nullptr) return;
  const std::int64_t now = steady_nanos();
  throttles_.end_session(who.session, now,
                         [&](auto record) { send_spell(std::move(record), now); });
  Duration took{};
  if (const auto at = begun_at_.find(who.session); at != begun_at_.end()) {
    took = Duration(now - at->second);
    begun_at_.erase(at);
  }
  if (!begun && is_noise(who, why)) return;
  audit({.what = AuditEvent::session_end,
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
  counters_.offenders.publish(now);
  counters_.talkers.publish(now);
  if (queue_ == nullptr) return;
  throttles_.sweep(now, [&](auto record) { send_spell(std::move(record), now); });
  if (now >= flush_at_) {
    flush_at_ = now + flush_every_;
    flush_sums(now, false);
  }
}

void WorkerEvents::flush() {
  if (queue_ != nullptr) flush_sums(steady_nanos(), true);
}

void WorkerEvents::flush_sums(std::int64_t now, bool all) {
  AuditBudget* const budget = queue_->budget();
  const AuditRecord::Time wall = wall_clock();
  for (RepeatSums* sums : {&causes_, &sums_}) {
    sums->flush([&](std::unique_ptr<AuditRecord>& sum) {
      const auto bytes =
          static_cast<std::int64_t>(kLineBytes + kExampleBytes * sum->examples().size());
      if (budget != nullptr) {
        // What finds no room goes on counting, and is written with the next ones.
        if (!all && (budget->left(now) < bytes || !queue_->has_room())) return false;
        budget->charge(bytes, now);
        sum->set_charged(static_cast<std::uint32_t>(bytes));
      }
      sum->set_sum_end(wall);
      send(std::move(sum));
      return true;
    });
  }
}

bool WorkerEvents::afford(const RepeatKey& key, std::uint32_t bytes, std::int64_t now) {
  AuditBudget* const budget = queue_->budget();
  if (budget == nullptr) return true;
  if (!shares_.take(key.holder, bytes, budget->left_for_lines(now), now)) return false;
  budget->charge(bytes, now);
  return true;
}

void WorkerEvents::send_spell(std::unique_ptr<AuditRecord> record, std::int64_t now) {
  AuditBudget* const budget = queue_->budget();
  if (budget == nullptr || budget->left_for_lines(now) >= kLineBytes) {
    if (budget != nullptr) budget->charge(kLineBytes, now);
    record->set_charged(kLineBytes);
    return send(std::move(record));
  }
  queue_->count_over_rate();
  const AuditField cause = record->has(AuditField::rule) ? AuditField::rule : AuditField::check;
  const std::uint64_t key =
      repeats_.cause_key(static_cast<std::uint8_t>(index_of(record->event())), record->text(cause));
  const std::string address(record->text(AuditField::address));
  AuditRecord* sum = causes_.find(key);
  if (sum == nullptr) {
    if (causes_.is_full()) return queue_->count_full();
    record->make_sum(SumOf::everyone);
    sum = &causes_.add(key, std::move(record));
  }
  sum->count(address);
}

template <typename Make>
AuditRecord* WorkerEvents::sum_of(SumOf& whom, const RepeatKey& key, std::int64_t now, Make make) {
  const auto id = [&] { return whom == SumOf::crowd ? key.crowd : key.client; };
  AuditRecord* sum = sums_.find(id());
  if (sum == nullptr && sums_.is_full()) {
    // Only where all of them find room: else every line of a flood would look at each.
    const AuditBudget* const budget = queue_->budget();
    if (budget == nullptr ||
        budget->left(now) >= static_cast<std::int64_t>(kLineBytes * kMaxSums)) {
      flush_sums(now, false);
    }
    // Those that could not be written stay. A crowd's sum may be among them already.
    if (sums_.is_full()) {
      if (whom == SumOf::client) {
        whom = SumOf::crowd;
        sum = sums_.find(id());
      }
      if (sum == nullptr) {
        whom = SumOf::everyone;
        sum = causes_.find(key.everyone);
        if (sum == nullptr && causes_.is_full()) return nullptr;
      }
    }
  }
  if (sum != nullptr) return sum;
  auto first = make();
  first->make_sum(whom);
  return whom == SumOf::everyone ? &causes_.add(key.everyone, std::move(first))
                                 : &sums_.add(id(), std::move(first));
}

template <typename Fill>
void WorkerEvents::audit(const Line& line, const Who& who, std::int64_t now, Fill fill) {
  const RepeatKey key = repeats_.key(who.identity, line.begun,
                                     static_cast<std::uint8_t>(index_of(line.what)), line.cause);
  const auto make = [&] {
    auto record = std::make_unique<AuditRecord>(line.what, wall_clock(), who);
    fill(*record);
    return record;
  };
  const RepeatFilter::Answer answer = repeats_.pass(key, line.as_crowd, now);
  if (answer == RepeatFilter::Answer::write) {
    const auto bytes = static_cast<std::uint32_t>(
        kLineBytes + std::min(line.topic.size(), AuditRecord::kMaxTopic));
    if (afford(key, bytes, now)) {
      if (!queue_->has_room()) return queue_->count_full();
      auto record = make();
      record->set_charged(bytes);
      return send(std::move(record));
    }
    queue_->count_over_rate();
  } else {
    queue_->count_repeated();
  }
  SumOf whom = answer == RepeatFilter::Answer::crowd_repeats ? SumOf::crowd : SumOf::client;
  AuditRecord* const sum = sum_of(whom, key, now, make);
  if (sum == nullptr) return queue_->count_full();
  sum->count(whom == SumOf::client  ? line.topic
             : whom == SumOf::crowd ? std::string_view(who.identity.client_id)
                                    : std::string_view(who.identity.address));
}

/// What finds the queue full is lost, a sum with all that it counts.
void WorkerEvents::send(std::unique_ptr<AuditRecord> record) {
  if (!queue_->has_room()) return queue_->count_full(record->lines());
  queue_->push(std::move(record));
  waker_->wake();
}

}  // namespace sallyport::observe
