#pragma once

#include <span>
#include <string_view>

/// What operators write by habit of other files: YAML, INI, the configuration of brokers.
namespace sallyport::config {

/// Returns a hint for a line at which the TOML parser gave up; empty if the line shows no habit
/// that is known.
[[nodiscard]] std::string_view habit_of(std::string_view line);

/// Returns the key of `names` that other programs call `word`; empty if there is none.
[[nodiscard]] std::string_view other_name(std::string_view word,
                                          std::span<const std::string_view> names);

}  // namespace sallyport::config
