#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <prometheus/metric_family.h>

namespace sallyport::observe {

using Labels = std::initializer_list<std::pair<const char*, std::string_view>>;

/// One family of metrics as it is being filled in.
class FamilyBuilder {
 public:
  FamilyBuilder(const char* name, const char* help, prometheus::MetricType type) {
    family_.name = name;
    family_.help = help;
    family_.type = type;
  }
  /// A counter's or gauge's sample.
  void add(Labels labels, double value) {
    prometheus::ClientMetric& metric = labelled(labels);
    if (family_.type == prometheus::MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
  }
  prometheus::ClientMetric& labelled(Labels labels) {
    prometheus::ClientMetric& metric = family_.metric.emplace_back();
    metric.label.reserve(labels.size());
    for (const auto& [name, value] : labels) metric.label.push_back({name, std::string(value)});
    return metric;
  }
  [[nodiscard]] prometheus::MetricFamily take() { return std::move(family_); }

 private:
  prometheus::MetricFamily family_;
};

[[nodiscard]] inline FamilyBuilder counter(const char* name, const char* help) {
  return {name, help, prometheus::MetricType::Counter};
}
[[nodiscard]] inline FamilyBuilder gauge(const char* name, const char* help) {
  return {name, help, prometheus::MetricType::Gauge};
}

}  // namespace sallyport::observe
