#include "sallyport/utf8.h"

#include "base/ascii.h"

namespace sallyport::mqtt {

namespace {

/// Takes the first character off `at`. False: not well-formed, which with RFC 3629 includes
/// overlong forms, surrogates and everything above U+10FFFF.
bool next_character(const unsigned char*& at, const unsigned char* end, char32_t& out) {
  const unsigned char first = *at;
  if (first < 0x80) {
    out = first;
    ++at;
    return true;
  }
  // The second byte's range is what keeps overlong forms and surrogates out.
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  std::ptrdiff_t size = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    size = 2;
    out = first & 0x1F;
  } else if ((first & 0xF0) == 0xE0) {
    size = 3;
    out = first & 0x0F;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    size = 4;
    out = first & 0x07;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return false;
  }
  if (end - at < size || at[1] < low || at[1] > high) return false;
  out = out << 6 | (at[1] & 0x3F);
  for (std::ptrdiff_t i = 2; i < size; ++i) {
    if ((at[i] & 0xC0) != 0x80) return false;
    out = out << 6 | (at[i] & 0x3F);
  }
  at += size;
  return true;
}

/// What 1.5.4 says a string should not hold: control characters and what Unicode calls
/// noncharacters.
bool is_discouraged(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0xFDD0 && c <= 0xFDEF) ||
         (c & 0xFFFE) == 0xFFFE;
}

}  // namespace

std::optional<Check> check_utf8(std::string_view text, bool refuse_control_characters) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at != end) {
    while (end - at >= 8 && ascii::not_printable(ascii::load(at)) == 0) at += 8;
    // Eight bytes with something else in them, or the last few.
    for (const auto* const until = end - at > 8 ? at + 8 : end; at < until;) {
      char32_t c = 0;
      if (!next_character(at, end, c) || c == 0) return Check::utf8;
      if (refuse_control_characters && is_discouraged(c)) return Check::control_character;
    }
  }
  return std::nullopt;
}

}  // namespace sallyport::mqtt
