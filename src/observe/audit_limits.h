#pragma once

#include <cstdint>

#include "sallyport/time.h"

namespace sallyport::observe {

/// How a worker's audit lines are kept few. Every bound is per worker.
struct AuditLimits {
  std::uint32_t burst = 100;      // lines at once for one client and one cause; >= 1
  std::uint32_t per_second = 10;  // and so many a second from there on; >= 1
  /// So many times both for one certificate or address and one cause, whatever client identifiers
  /// it comes with; >= 1.
  std::uint32_t crowd = 20;
  /// What is left out is summed up, and the sums are written after this long.
  Duration interval = std::chrono::seconds(1);
  /// A session that was not throttled for this long is throttled no more.
  Duration throttle_quiet = std::chrono::seconds(10);
};

}  // namespace sallyport::observe
