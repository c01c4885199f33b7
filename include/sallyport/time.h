#pragma once

#include <chrono>

namespace sallyport {

using Duration = std::chrono::nanoseconds;

/// The clock of the core. It is only a name: it has no now(), so nothing below `proxy` can read
/// the time. Every function that depends on time is handed an Instant by its caller.
struct MonotonicClock;

/// A point on a monotonic time line whose origin is the caller's business.
using Instant = std::chrono::time_point<MonotonicClock, Duration>;

/// "Never": compares later than every time that is passed in.
inline constexpr Instant kNever = Instant::max();

}  // namespace sallyport
