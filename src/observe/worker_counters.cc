#include "observe/worker_counters.h"

#include <algorithm>

namespace sallyport::observe {

Names::Names(std::vector<std::string> listener_names, const settings::Metrics& metrics)
    : listeners(std::move(listener_names)),
      rules(kMaxRules + kChecks),
      roles(metrics.max_roles + std::size_t{1}),
      no_role(roles.id("none")),
      top(metrics.top) {
  listeners.emplace_back("other");
  // First of all, so that no policy can push a check into "other".
  for (std::size_t i = 0; i < kChecks; ++i) {
    static_cast<void>(rules.id(to_string(static_cast<Check>(i))));
  }
}

std::size_t Names::listener_index(std::string_view name) const {
  std::size_t index = 0;
  while (index + 1 < listeners.size() && listeners[index] != name) ++index;
  return index;
}

WorkerCounters::WorkerCounters(const Names& names)
    : listeners(names.listeners.size()),
      series(static_cast<std::uint16_t>(names.listeners.size() - 1)),
      groups(names.listeners.size(), names.roles.capacity()),
      offenders(names.top),
      talkers(names.top) {}

std::optional<std::chrono::system_clock::time_point> broker_chain_end(
    std::span<const std::unique_ptr<WorkerCounters>> workers) {
  std::int64_t newest = 0;
  std::int64_t end = 0;
  for (const auto& worker : workers) {
    const std::int64_t seen = worker->broker_chain_seen.load(std::memory_order_acquire);
    if (seen <= newest) continue;
    newest = seen;
    end = worker->broker_chain_end.load(std::memory_order_relaxed);
  }
  if (newest == 0) return std::nullopt;
  return std::chrono::system_clock::time_point(std::chrono::seconds(end));
}

std::optional<bool> last_broker_connect(std::span<const std::unique_ptr<WorkerCounters>> workers) {
  std::uint64_t newest = 0;
  for (const auto& worker : workers) {
    newest = std::max(newest, worker->last_broker_connect.load(std::memory_order_relaxed));
  }
  if (newest == 0) return std::nullopt;
  return (newest & 1) != 0;
}

}  // namespace sallyport::observe
