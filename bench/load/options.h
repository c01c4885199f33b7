#pragma once

#include <optional>

#include "bench/load/fleet.h"
#include "bench/load/sink.h"

namespace sallyport::bench {

/// The command line as plans: of the two one is there.
struct Options {
  bool json = false;
  std::optional<FleetPlan> fleet;
  std::optional<SinkPlan> sink;
};

/// Empty: the program is to end with `exit_code` (--help, or a wrong command line, which was
/// explained). Throws std::runtime_error where files or addresses cannot be used.
[[nodiscard]] std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace sallyport::bench
