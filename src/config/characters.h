#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "sallyport/bounds.h"

namespace sallyport::config {

/// How a set of characters is written, for hints.
inline constexpr std::string_view kCharactersHint =
    "write \"any\", or single characters and the ranges A-Z, a-z and 0-9 or parts of them, such as "
    "\"A-Za-z0-9._:-\"";

/// "A-Za-z0-9._:-": characters of printable ASCII, and ranges of letters of one case or of digits;
/// `-` for itself comes first or last. "any": all characters. Error: what is wrong, to follow the
/// name of the key.
[[nodiscard]] std::expected<Characters, std::string> parse_characters(std::string_view text);

}  // namespace sallyport::config
