#pragma once

#include <vector>

#include <prometheus/metric_family.h>

namespace sallyport::observe {

/// The families that Prometheus' users expect of every process (process_cpu_seconds_total,
/// process_resident_memory_bytes, process_open_fds, ...), read from /proc. What cannot be read is
/// left out.
void add_process_metrics(std::vector<prometheus::MetricFamily>& families);

}  // namespace sallyport::observe
