#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bench/micro/case.h"

namespace sallyport::bench {

/// What a clock says of one case. A busy machine makes all of it larger.
struct Timing {
  double nanoseconds = 0;  // of CPU time per operation; the median of all rounds
  double spread = 0;       // (slowest - fastest) / median
  double yardsticks = 0;   // median of the case's time as a multiple of the yardstick's
};

/// Rounds in which every case gets its turn, so that what else the machine does is spread over all
/// of them. In every round a fixed piece of arithmetic, the yardstick, is measured beside each
/// case: the ratio to it repeats better than the time does.
[[nodiscard]] std::vector<Timing> measure_time(std::span<const CaseSpec> cases, unsigned rounds);

/// Allocations per operation in steady state; exact.
[[nodiscard]] double measure_allocations(const CaseSpec& spec);

/// What an object occupies.
struct Footprint {
  std::string name;
  std::string what;
  std::int64_t bytes = 0;
};
[[nodiscard]] std::vector<Footprint> measure_memory();

}  // namespace sallyport::bench
