#include "observe/printable.h"

#include <algorithm>
#include <array>

namespace sallyport::observe {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Categories Cc, Cf, Zl, Zp, Co and Cs of Unicode 14, the noncharacters, and the block of tags
// (U+E0000 to U+E0FFF) with what is not assigned there. Sorted.
constexpr auto kHidden = std::to_array<Range>({
    {0x00, 0x1F},        {0x7F, 0x9F},       {0xAD, 0xAD},       {0x600, 0x605},
    {0x61C, 0x61C},      {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x890, 0x891},
    {0x8E2, 0x8E2},      {0x180E, 0x180E},   {0x200B, 0x200F},   {0x2028, 0x202E},
    {0x2060, 0x206F},    {0xD800, 0xF8FF},   {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},
    {0xFFF9, 0xFFFB},    {0xFFFE, 0xFFFF},   {0x110BD, 0x110BD}, {0x110CD, 0x110CD},
    {0x13430, 0x13438},  {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0x1FFFE, 0x1FFFF},
    {0x2FFFE, 0x2FFFF},  {0x3FFFE, 0x3FFFF}, {0x4FFFE, 0x4FFFF}, {0x5FFFE, 0x5FFFF},
    {0x6FFFE, 0x6FFFF},  {0x7FFFE, 0x7FFFF}, {0x8FFFE, 0x8FFFF}, {0x9FFFE, 0x9FFFF},
    {0xAFFFE, 0xAFFFF},  {0xBFFFE, 0xBFFFF}, {0xCFFFE, 0xCFFFF}, {0xDFFFE, 0xE0FFF},
    {0xEFFFE, 0x10FFFF},
});

constexpr char kHex[] = "0123456789abcdef";

void append_unit(std::string& out, char32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[unit >> shift & 0x0F];
}

}  // namespace

bool is_hidden(char32_t code) {
  const auto* range = std::upper_bound(kHidden.begin(), kHidden.end(), code,
                                       [](char32_t c, const Range& r) { return c < r.first; });
  return range != kHidden.begin() && code <= (range - 1)->last;
}

CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x1'0000};
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {lead, 1, false};
  char32_t code = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {lead, 1, false};
    code = code << 6 | (byte(i) & 0x3FU);
  }
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kSmallest[size] || code > 0x10'FFFF || is_surrogate) return {lead, 1, false};
  return {code, size, true};
}

void append_escape(std::string& out, char32_t code) {
  if (code > 0xFFFF) {
    append_unit(out, 0xD800 + ((code - 0x1'0000) >> 10));
    code = 0xDC00 + (code & 0x3FF);
  }
  append_unit(out, code);
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    if (!next.valid || (next.code < 0x80 && is_hidden(next.code))) {
      out += "\\x";
      out += kHex[next.code >> 4];
      out += kHex[next.code & 0x0F];
    } else if (is_hidden(next.code)) {
      append_escape(out, next.code);
    } else {
      out += text.substr(0, next.size);
    }
    text.remove_prefix(next.size);
  }
  return out;
}

}  // namespace sallyport::observe
