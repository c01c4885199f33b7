#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "observe/audit_writer.h"
#include "observe/observe.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

/// What the composition root says about the process as a whole.
struct ProcessState {
  std::uint64_t reloads_ok = 0;
  std::uint64_t reloads_failed = 0;
  bool last_reload_ok = true;
  std::chrono::system_clock::time_point last_success;
  std::vector<CertificateExpiry> certificates;
  std::size_t roles = 0;
  std::size_t rules = 0;
  bool ready = false;
};

/// Adds the workers up when somebody asks, and names the result. A scrape reads the workers'
/// counters as they are; it takes no lock that a worker takes.
///
/// Thread: any. `names` and `workers` outlive it.
class Collector final : public prometheus::Collectable {
 public:
  Collector(std::string version, const Names& names,
            const std::vector<std::unique_ptr<WorkerCounters>>& workers, const AuditWriter* audit)
      : version_(std::move(version)), names_(names), workers_(workers), audit_(audit) {}

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

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

  /// How the newest connect to the broker by any worker ended; empty: none was tried.
  [[nodiscard]] std::optional<bool> last_broker_connect() const;

 private:
  using Families = std::vector<prometheus::MetricFamily>;
  void add_connections(Families& out) const;
  void add_handshakes(Families& out) const;
  void add_packets(Families& out) const;
  void add_decisions(Families& out) const;
  void add_sessions(Families& out) const;
  void add_broker(Families& out) const;
  void add_process_state(Families& out) const;
  void add_audit(Families& out) const;

  /// pick(const WorkerCounters&) -> std::uint64_t, summed over the workers.
  template <typename Pick>
  [[nodiscard]] double sum(Pick pick) const {
    std::uint64_t total = 0;
    for (const auto& worker : workers_) total += pick(*worker);
    return static_cast<double>(total);
  }
  template <typename Pick>  // pick(const WorkerCounters&) -> const LatencyHistogram&
  void add_histogram(prometheus::ClientMetric& metric, Pick pick) const;

  const std::string version_;
  const Names& names_;
  const std::vector<std::unique_ptr<WorkerCounters>>& workers_;
  const AuditWriter* audit_;
  mutable std::mutex mutex_;
  ProcessState state_;
};

}  // namespace sallyport::observe
