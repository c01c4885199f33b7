#pragma once

#include <string_view>

namespace sallyport::config {

/// Names that operators give (listeners, roles, rules) stand in audit lines and metric labels: 1 to
/// 64 letters, digits, '-', '_' and '.', so that nobody has to quote them.
[[nodiscard]] bool is_name(std::string_view name);
inline constexpr std::string_view kNameHint = "a name is 1 to 64 letters, digits, '-', '_' or '.'";

/// Does `pattern` with `*` and `?` match all of `text`?
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace sallyport::config
