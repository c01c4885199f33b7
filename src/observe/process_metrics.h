#pragma once

#include <optional>

namespace sallyport::observe {

/// What Prometheus' users expect to know of every process, read from /proc. Empty: it could not be
/// read.
struct ProcessFigures {
  std::optional<double> cpu_seconds;
  std::optional<double> resident_bytes;
  std::optional<double> virtual_bytes;
  std::optional<double> threads;
  std::optional<double> start_time;  // seconds since the epoch
  std::optional<double> open_files;
  std::optional<double> max_files;
};
[[nodiscard]] ProcessFigures read_process();

}  // namespace sallyport::observe
