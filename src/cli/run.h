#pragma once

#include <string>

#include "sallyport/build_info.h"

namespace sallyport::cli {

/// `sallyport run -c <gateway_path>`: serves until a signal ends it. The composition root: every
/// part is made here, in order, and nothing is served before all of them are there. The exit code
/// of the process; errors stand on stderr, each with file and line.
[[nodiscard]] int run(const std::string& gateway_path, const BuildInfo& build);

}  // namespace sallyport::cli
