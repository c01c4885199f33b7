#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "observe/http_server.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

/// A worker whose loop has not turned for this long is stuck; nanoseconds.
inline constexpr std::int64_t kStuckAfter = 10'000'000'000;

/// Returns a line for each worker whose loop does not turn; "" if all do. `now` as steady_nanos().
[[nodiscard]] std::string stuck_workers(const std::vector<std::unique_ptr<WorkerCounters>>& workers,
                                        std::int64_t now);

/// /healthz, for liveness probes: 200 while every worker's loop turns. It asks neither the broker
/// nor the disk, because a restart of the gateway, which is what a failed liveness probe leads to,
/// would mend neither. `now` as steady_nanos().
[[nodiscard]] HttpPage health_page(const std::vector<std::unique_ptr<WorkerCounters>>& workers,
                                   std::int64_t now);

/// /readyz, for readiness probes: 200 while `ready`. How the last connect to the broker ended is
/// said for people and does not change the status: a gateway in front of a broker that is down
/// still gives clients the answer that the standard has for that (CONNACK 3 or 0x88). If every
/// gateway left its Service at once, clients would get none, and a broker that comes back would
/// have to wait for the probes. To be alerted, use sallyport_broker_last_connect_success.
[[nodiscard]] HttpPage readiness_page(bool ready, std::optional<bool> last_broker_connect);

}  // namespace sallyport::observe
