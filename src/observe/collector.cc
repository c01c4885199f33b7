#include "observe/collector.h"

#include <algorithm>
#include <limits>

#include "observe/families.h"
#include "observe/process_metrics.h"

namespace sallyport::observe {

namespace {

using Workers = std::span<const std::unique_ptr<WorkerCounters>>;

/// visit(index, values, is_rare) for every combination of the labels' values, the last one fastest.
template <typename Visit>
void for_each_combination(const Metric& metric, const Names& names, Visit visit) {
  Metric::Index index{};
  std::vector<std::string_view> values(metric.labels.size());
  const auto walk = [&](auto&& self, std::size_t depth, bool is_rare) -> void {
    if (depth == metric.labels.size()) return visit(index, values, is_rare);
    const Label& label = *metric.labels[depth];
    const std::size_t count = label.count(names);
    for (std::size_t i = 0; i < count; ++i) {
      index[depth] = i;
      values[depth] = label.value(names, i);
      self(self, depth + 1, is_rare || i + label.rare >= count);
    }
  };
  walk(walk, 0, false);
}

constexpr double kNanos = 1e9;  // in a second

void add_times(prometheus::ClientMetric& sample, Workers workers, Metric::Times times,
               const Metric::Index& index) {
  std::array<std::uint64_t, LatencyHistogram::kBuckets> buckets{};
  std::uint64_t nanos = 0;
  const LatencyBounds* bounds = &kLatencyBounds;
  for (const auto& worker : workers) {
    const LatencyHistogram& one = times(*worker, index);
    bounds = &one.bounds();
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += one.bucket(i);
    nanos += one.sum_nanos();
  }
  // The count is made of the buckets, so that the two agree whatever is written meanwhile.
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    cumulative += buckets[i];
    const double bound = i < bounds->size() ? static_cast<double>((*bounds)[i].count()) / kNanos
                                            : std::numeric_limits<double>::infinity();
    sample.histogram.bucket.push_back({cumulative, bound});
  }
  sample.histogram.sample_count = cumulative;
  sample.histogram.sample_sum = static_cast<double>(nanos) / kNanos;
}

/// Adds the samples of one metric, by the kind of its source.
struct Filler {
  const Metric& metric;
  const Scrape& scrape;
  FamilyBuilder& family;

  void operator()(Metric::Number number) const {
    for_each_combination(metric, scrape.names,
                         [&](const auto& index, const auto& values, bool is_rare) {
                           std::uint64_t sum = 0;
                           for (const auto& worker : scrape.workers) sum += number(*worker, index);
                           if (is_rare && sum == 0) return;
                           family.add(values, static_cast<double>(sum));
                         });
  }
  void operator()(Metric::Times times) const {
    for_each_combination(metric, scrape.names,
                         [&](const auto& index, const auto& values, bool is_rare) {
                           if (is_rare && !has_times(index)) return;
                           add_times(family.labelled(values), scrape.workers, times, index);
                         });
  }
  void operator()(Metric::Fill fill) const { fill(scrape, family); }

  [[nodiscard]] bool has_times(const Metric::Index& index) const {
    const auto times = std::get<Metric::Times>(metric.source);
    return std::ranges::any_of(
        scrape.workers, [&](const auto& worker) { return times(*worker, index).sum_nanos() != 0; });
  }
};

}  // namespace

std::vector<prometheus::MetricFamily> Collector::Collect() const { return collect(true); }

std::vector<prometheus::MetricFamily> Collector::collect(bool identities) const {
  std::vector<prometheus::MetricFamily> families;
  look([&](const Scrape& scrape) { families = families_of(scrape, identities); });
  return families;
}

void Collector::look(const std::function<void(const Scrape&)>& look_at) const {
  const ProcessState now = state();
  const ProcessFigures process = read_process();
  look_at({.names = names_,
           .workers = workers_,
           .state = now,
           .process = process,
           .audit = audit_,
           .log = log_,
           .build = build_});
}

std::vector<prometheus::MetricFamily> Collector::families_of(const Scrape& scrape,
                                                             bool identities) {
  std::vector<prometheus::MetricFamily> families;
  families.reserve(catalogue().size());
  for (const Metric& metric : catalogue()) {
    if (!identities && names_clients(metric)) continue;
    FamilyBuilder family(metric);
    std::visit(Filler{metric, scrape, family}, metric.source);
    families.push_back(family.take());
  }
  return families;
}

}  // namespace sallyport::observe
