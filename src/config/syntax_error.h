#pragma once

#include <string_view>

#include "config/source.h"

namespace sallyport::config {

/// toml11 explains a syntax error in several lines with a picture of the source. This makes one
/// Diagnostic of it. `at` (bytes, from 1) is used where the text names no place: toml11 often winds
/// it back to the beginning of the line, whereas its picture points at the culprit.
[[nodiscard]] Diagnostic syntax_error(const Source& source, std::string_view text, Position at);

}  // namespace sallyport::config
