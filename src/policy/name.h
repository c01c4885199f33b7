#pragma once

#include <string_view>

namespace sallyport::policy {

/// Returns whether operators may give this name to a listener, role or rule. Names stand in audit
/// lines and metric labels, so they are made of characters that nobody has to quote.
[[nodiscard]] bool is_name(std::string_view name);
inline constexpr std::string_view kNameHint = "1 to 64 of A-Z a-z 0-9 . _ : -";

}  // namespace sallyport::policy
