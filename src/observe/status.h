#pragma once

#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "observe/http_server.h"

namespace sallyport::observe {

/// The status page: HTML, script and style in one, out of status.html; nothing of it is about this
/// gateway. It asks for status_json() every two seconds.
[[nodiscard]] HttpPage status_page();

/// The families as JSON: { "identities": whether who clients are is among them, "metrics": { name:
/// [ [ { label: value, ... }, number ], ... ] } }. Instead of a number a histogram has { "le":
/// upper bounds without the last one, which is infinite, "n": how often a value was below each }.
/// Of a family the largest samples are there, kMostSamples at most.
[[nodiscard]] HttpPage status_json(const std::vector<prometheus::MetricFamily>& families,
                                   bool identities);
inline constexpr std::size_t kMostSamples = 1000;

}  // namespace sallyport::observe
