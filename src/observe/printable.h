#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sallyport::observe {

/// Is this a code point that a terminal or a viewer of logs obeys or hides rather than shows:
/// control characters (C0, DEL, C1), format characters such as U+202E and U+200B, line and
/// paragraph separators, private use, and what is no character at all?
[[nodiscard]] bool is_hidden(char32_t code);

struct CodePoint {
  char32_t code = 0;
  std::size_t size = 1;  // bytes
  bool valid = false;    // false: the first byte begins no well-formed sequence. RFC 3629
};
/// The code point at the beginning of `text`, which is not empty.
[[nodiscard]] CodePoint first_code_point(std::string_view text);

/// Appends \uXXXX, or the two of a surrogate pair for what is above U+FFFF. RFC 8259, section 7
void append_escape(std::string& out, char32_t code);

/// What the operator's log shows of a text: hidden characters as \uXXXX, those of ASCII and bytes
/// that are not UTF-8 as \xNN, so that no peer can forge or disguise a line.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace sallyport::observe
