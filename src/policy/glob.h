#pragma once

#include <cstddef>
#include <string_view>

namespace sallyport::policy {

/// Longest glob in bytes. A longer one is refused by compile() and matches nothing.
inline constexpr std::size_t kMaxGlob = 256;

/// Returns whether the glob matches the whole text. `*` stands for any characters or none, `?` for
/// exactly one character (a whole UTF-8 sequence), everything else for itself. Both are well-formed
/// UTF-8.
///
/// Cost: each byte of the text is looked at once, and is searched for by a constant number of word
/// operations, whatever the number of `*` and `?`. Does not allocate.
[[nodiscard]] bool glob_matches(std::string_view glob, std::string_view text);

/// Returns whether the glob has neither `*` nor `?`.
[[nodiscard]] bool is_literal_glob(std::string_view glob);

/// What every text that the glob matches begins and ends with: what stands before its first and
/// behind its last `*` or `?`. Both are the whole glob if it is literal.
[[nodiscard]] std::string_view literal_prefix(std::string_view glob);
[[nodiscard]] std::string_view literal_suffix(std::string_view glob);

}  // namespace sallyport::policy
