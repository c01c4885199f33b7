#pragma once

#include <string>

#include "sallyport/build_info.h"

namespace CLI {
class App;
}

namespace sallyport::cli {

/// Returns the manual page sallyport(1) in roff (man(7)): what `app` and its subcommands say of
/// themselves in `--help`, and sections().
[[nodiscard]] std::string manual(const CLI::App& app, const BuildInfo& build);

}  // namespace sallyport::cli
