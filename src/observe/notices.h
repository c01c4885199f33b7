#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sallyport/time.h"

#include "observe/notice.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

/// Finds in the workers' counters what concerns operators: the broker cannot be reached, and can be
/// again; a listener is full; a certificate of its chain ends soon; at level debug why a client was
/// refused. It looks from time to time, so
/// that no worker ever waits for the log, and says each thing at most once in `every`, with what
/// has come together since.
///
/// Thread: one. `names` and `workers` outlive it.
class Notices final {
 public:
  Notices(const Names& names, std::span<const std::unique_ptr<WorkerCounters>> workers,
          Duration every);

  /// What is to be said now.
  [[nodiscard]] std::vector<Notice> look(Instant now, std::chrono::system_clock::time_point wall);

 private:
  /// A thing that is said with how often it happened, and not again before `next`.
  struct Repeated {
    std::uint64_t said = 0;
    Instant next = Instant::min();
  };

  void look_at_broker(Instant now, std::vector<Notice>& out);
  void look_at_bounds(Instant now, std::vector<Notice>& out);
  void look_at_debug_lines(std::vector<Notice>& out);
  void look_at_chain(std::chrono::system_clock::time_point wall, std::vector<Notice>& out);

  const Names& names_;
  const std::span<const std::unique_ptr<WorkerCounters>> workers_;
  const Duration every_;
  CheckCounts failures_{};  // of connects to the broker, as of the last look that said something
  bool broker_away_ = false;
  Instant away_since_{};
  std::uint64_t failed_before_ = 0;
  Instant next_broker_ = Instant::min();
  std::optional<std::int64_t> days_said_;  // that were left to the broker's chain
  std::vector<std::array<Repeated, kBoundChecks.size()>> bounds_;  // by listener
};

}  // namespace sallyport::observe
