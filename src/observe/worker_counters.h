#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/events.h"
#include "sallyport/settings.h"

#include "observe/counters.h"
#include "observe/debug_lines.h"
#include "observe/group_table.h"
#include "observe/name_table.h"
#include "observe/series_table.h"
#include "observe/top_table.h"

namespace sallyport::observe {

/// Names that all workers share. What may become a label value is decided in one place, so that
/// the sum over the workers has no more series than one worker could have.
struct Names {
  static constexpr std::size_t kMaxRules = 1000;

  explicit Names(std::vector<std::string> listener_names, const settings::Metrics& metrics = {});

  std::vector<std::string> listeners;  // as configured, then "other"
  NameTable rules;                     // rule ids, beside every check's name
  NameTable roles;                     // of one role or several, as Events::on_admitted() has them
  const NameTable::Id no_role;         // "none": before CONNECT was admitted
  const std::size_t top;               // settings::Metrics

  [[nodiscard]] std::size_t listener_index(std::string_view name) const;
};

/// TLS versions as label values.
inline constexpr std::array<std::string_view, 4> kTlsVersions = {"TLSv1.2", "TLSv1.3", "other",
                                                                 "none"};
inline constexpr std::size_t kSides = 2;
inline constexpr std::size_t kPacketTypes = 16;
inline constexpr std::size_t kCloseKinds = static_cast<std::size_t>(CloseKind::internal_error) + 1;
inline constexpr std::size_t kRewrites = static_cast<std::size_t>(Rewrite::mended) + 1;

/// Packets of the broker's that answer something, and those of them that can refuse it.
inline constexpr std::array kAnswers = {mqtt::PacketType::connack, mqtt::PacketType::puback,
                                        mqtt::PacketType::pubrec, mqtt::PacketType::suback};
inline constexpr std::array kRefusingAnswers = {
    mqtt::PacketType::connack, mqtt::PacketType::puback,   mqtt::PacketType::pubrec,
    mqtt::PacketType::suback,  mqtt::PacketType::unsuback, mqtt::PacketType::disconnect};
inline constexpr std::size_t kReasonCodes = 256;
inline constexpr std::size_t kLoginAnswers = static_cast<std::size_t>(LoginAnswer::unavailable) + 1;

/// A counter for each check.
#define X(enumerator, name, text) +1
inline constexpr std::size_t kChecks = 0 SALLYPORT_CHECKS(X);
#undef X
using CountersByCheck = std::array<Counter, kChecks>;
using CheckCounts = std::array<std::uint64_t, kChecks>;

/// Of which an operator is told: somebody waits in front of a door that is full.
inline constexpr std::array kBoundChecks = {Check::max_connections_gateway,
                                            Check::max_connections_files, Check::max_connections,
                                            Check::max_connections_per_address};

/// What a listener lets in out of leniency, as label values: the keys that do so.
inline constexpr std::array<std::string_view, 2> kLeniencies = {"min_client_key", "allow_sha1"};

/// TLS with one side, of the connections of one listener.
struct TlsCounters {
  std::array<std::array<Counter, kTlsVersions.size()>, 2> handshakes;  // [ok][version]
  LatencyHistogram took;
  CountersByCheck failures;
};

struct ListenerCounters {
  Counter accepted;
  Level open;
  std::array<TlsCounters, kSides> tls;
  std::array<Level, kLeniencies.size()> lenient;
  std::array<Counter, kBoundChecks.size()> at_bound;  // refused, by which bound
};

/// The plain numbers of a worker that are metrics as they are: a row here is a member of
/// WorkerCounters and a row of the catalogue. Counter: only grows; Level: goes up and down.
///
///   X(member, Counter or Level, "name", "help", "what to do with it, or nothing")
#define SALLYPORT_WORKER_METRICS(X)                                                           \
  X(dials_running, Level, "sallyport_broker_dials_running",                                   \
    "Connects to the broker that run, as of the last second.",                                \
    "At `max_dials` of each worker others wait.")                                             \
  X(dials_waiting, Level, "sallyport_broker_dials_waiting",                                   \
    "Connects to the broker that wait until one that runs has ended, as of the last second.", \
    "At `dial_queue` of each worker `broker.queue-full` is refused.")

struct PlainCounters {
#define X(member, type, name, help, advice) type member;
  SALLYPORT_WORKER_METRICS(X)
#undef X
};

/// The newest failure of a kind that comes rarely, in words. One writer, any reader; a lock, so not
/// for a packet's path.
class LatestFailure {
 public:
  void set(Check check, std::string_view text) {
    const std::lock_guard lock(mutex_);
    check_ = check;
    text_ = text;
  }
  /// Empty unless it is the newest that is asked for.
  [[nodiscard]] std::string text_of(Check check) const {
    const std::lock_guard lock(mutex_);
    return check == check_ ? text_ : std::string();
  }

 private:
  mutable std::mutex mutex_;
  Check check_{};
  std::string text_;
};

struct SideCounters {
  std::array<Counter, kPacketTypes> packets;
  std::array<Counter, kPacketTypes> packet_bytes;
  Counter wire_received;
  Counter wire_sent;
  Level queued;  // bytes that wait for it
  Level slow;    // connections of which it is slow now
  Counter backpressure_pauses;
  std::array<std::array<Counter, kCloseKinds>, 2> sessions_ended;  // [begun][kind]
};

/// All that one worker counts. Written by its thread, read by whoever scrapes; on its own cache
/// lines, so that workers do not slow each other down.
struct alignas(64) WorkerCounters : PlainCounters {
  explicit WorkerCounters(const Names& names);

  std::array<SideCounters, kSides> sides;
  std::vector<ListenerCounters> listeners;
  SeriesTable series;
  GroupTable groups;
  TopTable offenders;  // refusals
  TopTable talkers;    // packets
  LatencyHistogram turn_took{kTurnBounds};
  std::array<LatencyHistogram, kAnswers.size()> answer_took;
  std::array<LatencyHistogram, kLoginAnswers> login_took;
  std::array<std::array<Counter, kReasonCodes>, kRefusingAnswers.size()> broker_refusals;
  std::array<Counter, kRewrites> rewrites;
  std::array<Counter, 2> broker_connects;  // [ok]
  LatencyHistogram broker_connect_took;
  CountersByCheck broker_failures;
  LatestFailure broker_failure;
  DebugLines debug_lines;
  /// Of the chain that the broker has shown last: when the first certificate of it ends, in seconds
  /// since the epoch; and when that was, by the steady clock. 0: never.
  std::atomic<std::int64_t> broker_chain_end{0};
  std::atomic<std::int64_t> broker_chain_seen{0};
  /// Last connect to the broker: steady clock in ns, even: failed, odd: succeeded; 0: none yet.
  std::atomic<std::uint64_t> last_broker_connect{0};
  /// Steady clock in ns at the last turn of the loop that was reported.
  std::atomic<std::int64_t> heartbeat{0};
};

/// When the first certificate of the chain ends that the broker has shown last; empty: it has shown
/// none yet.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> broker_chain_end(
    std::span<const std::unique_ptr<WorkerCounters>> workers);

/// How the newest connect to the broker by any worker ended; empty: none was tried.
[[nodiscard]] std::optional<bool> last_broker_connect(
    std::span<const std::unique_ptr<WorkerCounters>> workers);

}  // namespace sallyport::observe
