#pragma once

#include <optional>

#include "config/source.h"

namespace sallyport::config {

/// Looks at the text before the TOML parser does, for what that parser would take badly or report
/// in the wrong place: strings without an end, bad escapes, control characters, brackets without a
/// partner; and for nesting or integers that it would follow into the ground.
[[nodiscard]] std::optional<Diagnostic> scan(const Source& source);

}  // namespace sallyport::config
