#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "sallyport/build_info.h"

#include "observe/audit_writer.h"
#include "observe/catalogue.h"
#include "observe/process_state.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

/// Adds the workers up when somebody asks, and names the result as the catalogue says. A scrape
/// reads the workers' counters as they are; it takes no lock that a worker takes.
///
/// Thread: any. `names` and `workers` outlive it.
class Collector final : public prometheus::Collectable {
 public:
  Collector(const BuildInfo& build, const Names& names,
            const std::vector<std::unique_ptr<WorkerCounters>>& workers, const AuditWriter* audit,
            const Log* log = nullptr)
      : build_(build), names_(names), workers_(workers), audit_(audit), log_(log) {}

  /// One family for each row of the catalogue, in its order, whether it has samples or not.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;
  /// Without `identities` the families are left out that name clients.
  [[nodiscard]] std::vector<prometheus::MetricFamily> collect(bool identities) const;
  /// Calls back once, with all that a scrape looks at.
  void look(const std::function<void(const Scrape&)>& look_at) const;

  /// Changes or copies the state under its lock.
  template <typename Change>
  void change(Change change_state) {
    const std::lock_guard lock(mutex_);
    change_state(state_);
  }
  [[nodiscard]] ProcessState state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }

 private:
  [[nodiscard]] static std::vector<prometheus::MetricFamily> families_of(const Scrape& scrape,
                                                                         bool identities);

  const BuildInfo build_;
  const Names& names_;
  const std::vector<std::unique_ptr<WorkerCounters>>& workers_;
  const AuditWriter* audit_;
  const Log* log_;
  mutable std::mutex mutex_;
  ProcessState state_;
};

}  // namespace sallyport::observe
