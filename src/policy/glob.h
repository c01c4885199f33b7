#pragma once

#include <string_view>

namespace sallyport::policy {

/// Longest glob in bytes; with it, the work for one text is bounded by 256 steps per byte.
inline constexpr std::size_t kMaxGlob = 256;

/// Does the whole text match? `*` stands for any characters or none, `?` for exactly one character
/// (a whole UTF-8 sequence), everything else for itself. Keeps one place to go back to, the last
/// `*`, so that the work grows with glob times text at worst and never exponentially.
[[nodiscard]] bool glob_matches(std::string_view glob, std::string_view text);

/// Has it neither `*` nor `?`?
[[nodiscard]] bool is_literal_glob(std::string_view glob);

}  // namespace sallyport::policy
