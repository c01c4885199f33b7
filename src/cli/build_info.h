#pragma once

#include "sallyport/build_info.h"

namespace sallyport::cli {

/// What this program was built from, as meson found it.
[[nodiscard]] BuildInfo build_info();

}  // namespace sallyport::cli
