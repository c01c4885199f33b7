#include "observe/worker_counters.h"

#include <bit>

namespace sallyport::observe {

namespace {

constexpr Check kChecks[] = {
#define X(enumerator, name, text) Check::enumerator,
    SALLYPORT_CHECKS(X)
#undef X
};

}  // namespace

Names::Names(std::vector<std::string> listener_names)
    : listeners(std::move(listener_names)),
      rules(kMaxRules + std::size(kChecks)),
      handshake_failures(kMaxFailures),
      broker_failures(kMaxFailures),
      reject_reasons(kMaxRejectReasons) {
  listeners.emplace_back("other");
  // First of all, so that no policy can push a check into "other".
  for (const Check check : kChecks) static_cast<void>(rules.id(to_string(check)));
}

std::size_t Names::listener_index(std::string_view name) const {
  std::size_t index = 0;
  while (index + 1 < listeners.size() && listeners[index] != name) ++index;
  return index;
}

CountersByName::CountersByName(std::size_t limit) : counters_(std::bit_ceil(limit * 2) + 1) {}

void CountersByName::add(NameTable::Id id) { counters_[id < counters_.size() ? id : 0U].add(); }

WorkerCounters::WorkerCounters(std::size_t listener_count)
    : listeners(listener_count),
      handshake_failures{CountersByName(Names::kMaxFailures), CountersByName(Names::kMaxFailures)},
      broker_failures(Names::kMaxFailures) {}

}  // namespace sallyport::observe
