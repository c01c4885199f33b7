#include "observe/status.h"

#include <algorithm>

#include "observe/json_writer.h"
#include "observe/status_html.h"

namespace sallyport::observe {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

double number_of(const MetricFamily& family, const ClientMetric& sample) {
  return family.type == MetricType::Counter ? sample.counter.value : sample.gauge.value;
}

void write_histogram(JsonWriter& json, const ClientMetric::Histogram& histogram) {
  json.begin_object();
  json.key("le");
  json.begin_array();
  for (std::size_t i = 0; i + 1 < histogram.bucket.size(); ++i) {
    json.real(histogram.bucket[i].upper_bound);
  }
  json.end_array();
  json.key("n");
  json.begin_array();
  for (const auto& bucket : histogram.bucket) json.number(bucket.cumulative_count);
  json.end_array();
  json.end_object();
}

void write_sample(JsonWriter& json, const MetricFamily& family, const ClientMetric& sample) {
  json.begin_array();
  json.begin_object();
  for (const auto& label : sample.label) json.field(label.name, label.value);
  json.end_object();
  if (family.type == MetricType::Histogram) {
    write_histogram(json, sample.histogram);
  } else {
    json.real(number_of(family, sample));
  }
  json.end_array();
}

void write_family(JsonWriter& json, const MetricFamily& family) {
  std::vector<const ClientMetric*> samples;
  for (const ClientMetric& sample : family.metric) samples.push_back(&sample);
  if (samples.size() > kMostSamples) {
    std::ranges::stable_sort(samples, [&](const ClientMetric* a, const ClientMetric* b) {
      return number_of(family, *a) > number_of(family, *b);
    });
    samples.resize(kMostSamples);
  }
  json.key(family.name);
  json.begin_array();
  for (const ClientMetric* sample : samples) write_sample(json, family, *sample);
  json.end_array();
}

}  // namespace

HttpPage status_page() {
  return {.content_type = "text/html; charset=utf-8",
          .body = std::string(kStatusHtml),
          .security_policy = kStatusSecurityPolicy};
}

HttpPage status_json(const std::vector<MetricFamily>& families, bool identities) {
  HttpPage page{.content_type = "application/json", .body = {}};
  JsonWriter json(page.body);
  json.begin_object();
  json.key("identities");
  json.boolean(identities);
  json.key("metrics");
  json.begin_object();
  for (const MetricFamily& family : families) write_family(json, family);
  json.end_object();
  json.end_object();
  return page;
}

}  // namespace sallyport::observe
