#include "policy/glob.h"

#include <array>
#include <bitset>

namespace sallyport::policy {

namespace {

constexpr std::string_view kWildcards = "*?";

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// Takes the rest of a character off the front of `text`, whose first byte is gone already.
void drop_continuation(std::string_view& text) {
  while (!text.empty() && is_continuation(text.front())) text.remove_prefix(1);
}

// A piece is a part of a glob without `*`. The functions below take what it matches off `text`, and
// return false where it does not match.

bool take_front(std::string_view piece, std::string_view& text) {
  for (const char wanted : piece) {
    if (text.empty()) return false;
    const char byte = text.front();
    text.remove_prefix(1);
    if (wanted == '?') {
      drop_continuation(text);
    } else if (wanted != byte) {
      return false;
    }
  }
  return true;
}

bool take_back(std::string_view piece, std::string_view& text) {
  for (; !piece.empty(); piece.remove_suffix(1)) {
    if (text.empty()) return false;
    if (piece.back() != '?') {
      if (piece.back() != text.back()) return false;
    } else {
      while (text.size() > 1 && is_continuation(text.back())) text.remove_suffix(1);
    }
    text.remove_suffix(1);
  }
  return true;
}

/// For a piece with `?`: all places where it may begin are followed at once, one bit for each byte
/// of the piece ("shift-and"), so that nothing is looked at twice.
bool skip_past_pattern(std::string_view piece, std::string_view& text) {
  using Reached = std::bitset<kMaxGlob>;
  std::array<Reached, 256> literal{};  // by byte: where in the piece it stands
  Reached any;                         // where in the piece a `?` stands
  for (std::size_t i = 0; i < piece.size(); ++i) {
    (piece[i] == '?' ? any : literal[static_cast<unsigned char>(piece[i])]).set(i);
  }
  Reached reached;  // bit i: the piece up to and with its byte i matches what ends here
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool inside = is_continuation(text[at]);
    Reached next = reached << 1;
    if (!inside) next.set(0);
    const Reached& same = literal[static_cast<unsigned char>(text[at])];
    // A `?` that took the first byte of a character takes the others, too.
    reached = inside ? (next & same) | (reached & any) : next & (same | any);
    if (reached[piece.size() - 1]) {
      text.remove_prefix(at + 1);
      drop_continuation(text);
      return true;
    }
  }
  return false;
}

/// The first place where the piece matches, and all before it. A later place needs no try: what it
/// would leave to the pieces behind it is less.
bool skip_past(std::string_view piece, std::string_view& text) {
  if (piece.find('?') != std::string_view::npos) return skip_past_pattern(piece, text);
  const std::size_t found = text.find(piece);
  if (found == std::string_view::npos) return false;
  text.remove_prefix(found + piece.size());
  return true;
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) {
  if (glob.size() > kMaxGlob) return false;
  const std::size_t first = glob.find('*');
  if (!take_front(glob.substr(0, first), text)) return false;
  if (first == std::string_view::npos) return text.empty();
  const std::size_t last = glob.rfind('*');
  if (!take_back(glob.substr(last + 1), text)) return false;
  std::string_view middle = glob.substr(first, last - first);  // begins with `*`, if not empty
  while (!middle.empty()) {
    middle.remove_prefix(1);
    const std::string_view piece = middle.substr(0, middle.find('*'));
    if (!piece.empty() && !skip_past(piece, text)) return false;
    middle.remove_prefix(piece.size());
  }
  return true;
}

bool is_literal_glob(std::string_view glob) {
  return glob.find_first_of(kWildcards) == std::string_view::npos;
}

std::string_view literal_prefix(std::string_view glob) {
  return glob.substr(0, glob.find_first_of(kWildcards));
}

std::string_view literal_suffix(std::string_view glob) {
  return glob.substr(glob.find_last_of(kWildcards) + 1);  // npos + 1 is 0
}

}  // namespace sallyport::policy
