#include "observe/worker_counters.h"

namespace sallyport::observe {

Names::Names(std::vector<std::string> listener_names)
    : listeners(std::move(listener_names)), rules(kMaxRules + kChecks) {
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

WorkerCounters::WorkerCounters(std::size_t listener_count) : listeners(listener_count) {}

}  // namespace sallyport::observe
