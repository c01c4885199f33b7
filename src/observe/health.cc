#include "observe/health.h"

namespace sallyport::observe {

std::string stuck_workers(const std::vector<std::unique_ptr<WorkerCounters>>& workers,
                          std::int64_t now) {
  std::string stuck;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const std::int64_t age = now - workers[i]->heartbeat.load(std::memory_order_relaxed);
    if (age > kStuckAfter) {
      stuck += "worker " + std::to_string(i) + ": no turn of its loop for " +
               std::to_string(age / 1'000'000'000) + " s\n";
    }
  }
  return stuck;
}

HttpPage health_page(const std::vector<std::unique_ptr<WorkerCounters>>& workers,
                     std::int64_t now) {
  std::string stuck = stuck_workers(workers, now);
  if (!stuck.empty()) return {.status = 503, .body = std::move(stuck)};
  return {.body = "ok\n"};
}

HttpPage readiness_page(bool ready, std::optional<bool> last_broker_connect) {
  HttpPage page;
  page.status = ready ? 200 : 503;
  page.body = ready ? "ready\n" : "not ready: starting or draining\n";
  page.body += !last_broker_connect   ? "broker: not tried yet\n"
               : *last_broker_connect ? "broker: last connect succeeded\n"
                                      : "broker: last connect failed\n";
  return page;
}

}  // namespace sallyport::observe
