#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "policy/pattern.h"

namespace sallyport::policy {

/// What a text of a policy is.
enum class TextKind : std::uint8_t {
  filter,     // a topic filter: `+`, `#`, ${placeholder}
  glob,       // of a common name, a username, a client identifier: `*`, `?`
  host_glob,  // of a DNS name or a URI, where ".*" is an ordinary end
};

/// Returns what is wrong with a text that another access control language would understand, and
/// this one takes for letters: "%c", "^a.*$", "plant/*/state", "eq a/b". In a deny rule such a text
/// fails open. Empty: there is no such sign, or the text says that it is meant as it stands.
[[nodiscard]] std::optional<Problem> foreign_syntax(std::string_view text, TextKind kind);

/// In front of a text it says that what follows is meant as it stands.
inline constexpr std::string_view kLiteralMark = "literal:";
/// The text without kLiteralMark, which is what rules and matches go by.
[[nodiscard]] constexpr std::string_view without_literal_mark(std::string_view text) {
  return text.starts_with(kLiteralMark) ? text.substr(kLiteralMark.size()) : text;
}

}  // namespace sallyport::policy
