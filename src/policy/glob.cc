#include "policy/glob.h"

namespace sallyport::policy {

namespace {

/// Size of the UTF-8 sequence that begins at `at`; texts are well-formed where they come from the
/// decoder, and a stray byte counts as one character.
std::size_t character(std::string_view text, std::size_t at) {
  std::size_t size = 1;
  while (at + size < text.size() && (static_cast<unsigned char>(text[at + size]) & 0xC0) == 0x80) {
    ++size;
  }
  return size;
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  // Where to go on when the way taken since the last `*` fails: behind that `*`, with it standing
  // for one character more. An earlier `*` needs no second try: what it would give to the later
  // one, the later one can take by itself.
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = ++g;
      star_text = t;
    } else if (g < glob.size() && glob[g] == '?') {
      ++g;
      t += character(text, t);
    } else if (g < glob.size() && glob[g] == text[t]) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      star_text += character(text, star_text);
      g = star;
      t = star_text;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool is_literal_glob(std::string_view glob) {
  return glob.find_first_of("*?") == std::string_view::npos;
}

}  // namespace sallyport::policy
