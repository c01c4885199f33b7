#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <prometheus/metric_family.h>

#include "observe/catalogue.h"

namespace sallyport::observe {

using Values = std::initializer_list<std::string_view>;

/// One family of metrics as it is being filled in. Name, help, type and the names of labels are the
/// catalogue's; a sample gives one value for each label, in the catalogue's order.
class FamilyBuilder {
 public:
  explicit FamilyBuilder(const Metric& metric) : metric_(metric) {
    family_.name = metric.name;
    family_.help = metric.help;
    family_.type = metric.kind == Metric::Kind::counter ? prometheus::MetricType::Counter
                   : metric.kind == Metric::Kind::gauge ? prometheus::MetricType::Gauge
                                                        : prometheus::MetricType::Histogram;
  }
  /// A counter's or gauge's sample.
  template <typename Labels = Values>
  void add(const Labels& values, double value) {
    prometheus::ClientMetric& sample = labelled(values);
    if (family_.type == prometheus::MetricType::Counter) {
      sample.counter.value = value;
    } else {
      sample.gauge.value = value;
    }
  }
  template <typename Labels = Values>
  prometheus::ClientMetric& labelled(const Labels& values) {
    prometheus::ClientMetric& sample = family_.metric.emplace_back();
    sample.label.reserve(metric_.labels.size());
    auto value = values.begin();
    for (const Label* label : metric_.labels) {
      sample.label.push_back({label->name, std::string(*value)});
      ++value;
    }
    return sample;
  }
  [[nodiscard]] prometheus::MetricFamily take() { return std::move(family_); }

 private:
  const Metric& metric_;
  prometheus::MetricFamily family_;
};

}  // namespace sallyport::observe
