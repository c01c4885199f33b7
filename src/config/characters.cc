#include "config/characters.h"

namespace sallyport::config {

namespace {

bool is_printable(char c) { return c >= 0x20 && c <= 0x7E; }
bool both_within(char a, char b, char first, char last) {
  return a >= first && a <= last && b >= first && b <= last;
}
/// Ranges that a reader sees the members of. `A-z` holds six characters that are no letters.
bool is_one_kind(char a, char b) {
  return both_within(a, b, 'A', 'Z') || both_within(a, b, 'a', 'z') || both_within(a, b, '0', '9');
}

}  // namespace

std::expected<Characters, std::string> parse_characters(std::string_view text) {
  if (text == "any") return Characters();
  if (text.empty()) return std::unexpected("names no character");
  Characters set = Characters::none();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char first = text[i];
    if (!is_printable(first)) {
      return std::unexpected("holds a character that is not of printable ASCII");
    }
    if (first == '-' && i != 0 && i + 1 != text.size()) {
      return std::unexpected("has a \"-\" that is neither first, nor last, nor within a range");
    }
    const bool range = first != '-' && i + 2 < text.size() && text[i + 1] == '-';
    if (!range) {
      set.add(first);
      continue;
    }
    const char last = text[i + 2];
    const std::string named = "\"" + std::string(text.substr(i, 3)) + "\"";
    if (!is_printable(last)) {
      return std::unexpected("holds a character that is not of printable ASCII");
    }
    if (!is_one_kind(first, last)) {
      return std::unexpected("has the range " + named +
                             ", which is not of capital letters, of small letters or of digits");
    }
    if (last < first) return std::unexpected("has the range " + named + ", which runs backwards");
    for (char c = first; c <= last; ++c) set.add(c);
    i += 2;
  }
  return set;
}

}  // namespace sallyport::config
