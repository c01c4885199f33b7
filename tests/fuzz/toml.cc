#include "toml.h"

#include <vector>

#include "check.h"
#include "config/source.h"
#include "known_paths.h"

namespace sallyport::fuzz {

using config::Diagnostic;
using config::Diagnostics;

namespace {

// More than any message has; what is quoted is shortened.
constexpr std::size_t kLongest = 1500;

/// How many columns a line of the text has; 0: there is no such line. The last may be empty.
std::size_t columns(std::string_view text, std::size_t line) {
  for (; line > 1; --line) {
    const auto end = text.find('\n');
    if (end == text.npos) return 0;
    text.remove_prefix(end + 1);
  }
  std::size_t count = 1;  // behind the last character
  for (const char c : text.substr(0, text.find('\n'))) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++count;
  }
  return count;
}

void check_diagnostic(const Diagnostic& diagnostic, std::string_view text) {
  must(!diagnostic.message.empty(), "a diagnostic has words");
  must(diagnostic.origin.file == kFile, "a diagnostic names the file");
  const std::string words = to_string(diagnostic);
  must(words.size() < kLongest, "a diagnostic is not long");
  for (const char c : words) {
    must(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F),
         "a diagnostic is printable");
  }
  if (diagnostic.origin.line == 0) return;
  const std::size_t most = columns(text, diagnostic.origin.line);
  must(most != 0, "the line is there");
  must(diagnostic.origin.column >= 1 && diagnostic.origin.column <= most, "so is the column");
}

Diagnostics read_text(std::string text, const ReadTree& read, std::string* unknown) {
  Diagnostics diagnostics;
  const auto source = config::make_source(kFile, std::move(text));
  if (!source) return {source.error()};
  const auto root = config::parse(*source);
  if (!root) return {root.error()};
  read(*root, diagnostics);
  if (unknown != nullptr) *unknown = config::test::unknown_key(*root);
  return diagnostics;
}

}  // namespace

void check_diagnostics(const Diagnostics& diagnostics, std::string_view text) {
  for (const Diagnostic& diagnostic : diagnostics) check_diagnostic(diagnostic, text);
}

bool check_text(std::string_view text, const ReadTree& read) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  const std::string mark(text.starts_with(kMark) ? kMark : std::string_view());
  text.remove_prefix(mark.size());
  std::string unknown;
  const Diagnostics diagnostics = read_text(mark + std::string(text), read, &unknown);
  check_diagnostics(diagnostics, text);
  if (text.starts_with(kMark)) {
    must(!diagnostics.empty(), "a file has one byte order mark");
    return false;
  }
  if (diagnostics.empty()) must(unknown.empty(), "no key is ignored");

  const Diagnostics moved = read_text(mark + "\n" + std::string(text), read, nullptr);
  must(moved.size() == diagnostics.size(), "an empty line changes nothing");
  for (std::size_t i = 0; i < moved.size(); ++i) {
    const policy::Origin& was = diagnostics[i].origin;
    const policy::Origin& is = moved[i].origin;
    must(is.line == (was.line == 0 ? 0 : was.line + 1) && is.column == was.column,
         "an empty line moves what is said by one line");
    // What names another line has moved with it.
    if ((diagnostics[i].message + diagnostics[i].hint).find(" line ") != std::string::npos)
      continue;
    must(moved[i].message == diagnostics[i].message && moved[i].hint == diagnostics[i].hint,
         "and the words stay");
  }
  return diagnostics.empty();
}

}  // namespace sallyport::fuzz
