#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "sallyport/events.h"

#include "observe/counters.h"
#include "observe/name_table.h"
#include "observe/series_table.h"

namespace sallyport::observe {

/// Names that all workers share. What may become a label value is decided in one place, so that
/// the sum over the workers has no more series than one worker could have.
struct Names {
  static constexpr std::size_t kMaxRules = 1000;
  static constexpr std::size_t kMaxFailures = 64;
  static constexpr std::size_t kMaxRejectReasons = 16;

  explicit Names(std::vector<std::string> listener_names);

  std::vector<std::string> listeners;  // as configured, then "other"
  NameTable rules;                     // rule ids, beside every check's name
  NameTable handshake_failures;
  NameTable broker_failures;
  NameTable reject_reasons;

  [[nodiscard]] std::size_t listener_index(std::string_view name) const;
};

/// TLS versions as label values.
inline constexpr std::array<std::string_view, 4> kTlsVersions = {"TLSv1.2", "TLSv1.3", "other",
                                                                 "none"};
inline constexpr std::size_t kSides = 2;
inline constexpr std::size_t kPacketTypes = 16;
inline constexpr std::size_t kCloseKinds = static_cast<std::size_t>(CloseKind::internal_error) + 1;
inline constexpr std::size_t kRewrites = static_cast<std::size_t>(Rewrite::topic_alias) + 1;

/// A counter for each name of one NameTable. One writer; the size is fixed.
class CountersByName {
 public:
  /// `limit` as of the NameTable whose ids are counted.
  explicit CountersByName(std::size_t limit);
  void add(NameTable::Id id);
  template <typename Visit>  // visit(NameTable::Id, std::uint64_t)
  void for_each(Visit visit) const {
    for (std::size_t id = 0; id < counters_.size(); ++id)
      if (const std::uint64_t n = counters_[id].value(); n != 0)
        visit(static_cast<NameTable::Id>(id), n);
  }

 private:
  std::vector<Counter> counters_;
};

struct ListenerCounters {
  ListenerCounters() : rejected(Names::kMaxRejectReasons) {}
  Counter accepted;
  Level open;
  CountersByName rejected;
};

struct SideCounters {
  std::array<Counter, kPacketTypes> packets;
  std::array<Counter, kPacketTypes> packet_bytes;
  Counter wire_received;
  Counter wire_sent;
  std::array<std::array<Counter, kTlsVersions.size()>, 2> handshakes;  // [ok][version]
  LatencyHistogram handshake_took;
  Counter backpressure_pauses;
  std::array<std::array<Counter, kCloseKinds>, 2> sessions_ended;  // [begun][kind]
};

/// All that one worker counts. Written by its thread, read by whoever scrapes; on its own cache
/// lines, so that workers do not slow each other down.
struct alignas(64) WorkerCounters {
  explicit WorkerCounters(std::size_t listener_count);

  std::array<SideCounters, kSides> sides;
  std::vector<ListenerCounters> listeners;
  std::array<CountersByName, kSides> handshake_failures;
  SeriesTable series;
  std::array<Counter, kRewrites> rewrites;
  Counter sessions_begun;
  Level sessions_open;
  std::array<Counter, 2> broker_connects;  // [ok]
  LatencyHistogram broker_connect_took;
  CountersByName broker_failures;
  /// Last connect to the broker: steady clock in ns, even: failed, odd: succeeded; 0: none yet.
  std::atomic<std::uint64_t> last_broker_connect{0};
  /// Steady clock in ns at the last turn of the loop that was reported.
  std::atomic<std::int64_t> heartbeat{0};
};

}  // namespace sallyport::observe
