#pragma once

#include <string_view>

namespace sallyport::config {

/// Names that operators give (listeners, roles, rules) stand in audit lines and metric labels, so
/// they are made of characters that nobody has to quote. Policy::compile() holds roles and rules to
/// the same, but does not know the column.
[[nodiscard]] bool is_name(std::string_view name);
inline constexpr std::string_view kNameHint = "1 to 64 of A-Z a-z 0-9 . _ : -";

}  // namespace sallyport::config
