#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sallyport::config {

/// `did you mean "name"?` for the name that is nearest to `word`, if one is near enough; else
/// "accepted here: a, b, c".
[[nodiscard]] std::string suggest(std::string_view word, std::span<const std::string_view> names);

}  // namespace sallyport::config
