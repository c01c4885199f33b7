#include "config/scan.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace sallyport::config {

namespace {

/// The files here need three levels; the parser below recurses once for each.
constexpr std::size_t kMaxNesting = 16;
constexpr std::size_t kMaxKeyParts = 16;
/// The parser looks for the beginning of the line anew for every value on it.
constexpr std::size_t kMaxLine = std::size_t{16} * 1024;

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7F;
}

bool is_hex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

class Scanner {
 public:
  explicit Scanner(const Source& source) : source_(source), text_(source.text()) {}

  std::optional<Diagnostic> run() {
    check_lines();
    while (at_ < text_.size() && !found_) step();
    if (!found_ && !open_.empty()) {
      const char bracket = text_[open_.back()];
      fail(open_.back(), std::string("'") + bracket + "' has no closing bracket",
           bracket == '{' ? "an inline table ends with '}' on the same line"
                          : "an array ends with ']'");
    }
    return found_;
  }

 private:
  void fail(std::size_t offset, std::string message, std::string hint) {
    const Position where = source_.position(offset);
    found_ =
        Diagnostic{{source_.file(), where.line, where.column}, std::move(message), std::move(hint)};
  }

  void check_lines() {
    for (std::size_t begin = 0; begin < text_.size();) {
      const std::size_t end = std::min(text_.find('\n', begin), text_.size());
      if (end - begin > kMaxLine) {
        return fail(begin, "line is longer than 16 KiB",
                    "put every item of a long array on a line of its own");
      }
      begin = end + 1;
    }
  }

  [[nodiscard]] bool looking_at(std::string_view what) const {
    return text_.substr(at_).starts_with(what);
  }

  void step() {
    const char c = text_[at_];
    switch (c) {
      case '#':
        return comment();
      case '"':
        return looking_at("\"\"\"") ? multi_line('"') : single_line('"');
      case '\'':
        return looking_at("'''") ? multi_line('\'') : single_line('\'');
      case '[':
      case '{':
        return open_bracket();
      case ']':
      case '}':
        return close_bracket(c);
      case '.':
        if (++dots_ >= kMaxKeyParts) fail(at_, "key has more than 16 parts", "");
        break;
      case '\n':
      case '=':
      case ',':
        dots_ = 0;
        break;
      default:
        break;
    }
    if (c == '\r' && !looking_at("\r\n")) {
      return fail(at_, "carriage return without a line feed", "end lines with LF or CR LF");
    }
    if (is_control(c) && c != '\n' && c != '\r') {
      return fail(at_, "control character outside a string", "remove it");
    }
    if (is_word(c)) return word();
    ++at_;
  }

  /// Binary integers overflow inside the parser, without a word.
  void word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string_view token = text_.substr(begin, at_ - begin);
    if (token.starts_with("0b") && token.size() > 2 + 62) {
      fail(begin, "integer is too large", "write it in decimal");
    }
  }

  void comment() {
    while (at_ < text_.size() && text_[at_] != '\n') {
      if (is_control(text_[at_]) && !looking_at("\r\n")) {
        return fail(at_, "control character in a comment", "remove it");
      }
      ++at_;
    }
  }

  void single_line(char quote) {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != quote) {
      const char c = text_[at_];
      if (c == '\n' || looking_at("\r\n")) break;
      if (is_control(c)) {
        return fail(at_, "control character in a string", "write it as an escape such as \\u0007");
      }
      if (quote == '"' && c == '\\') {
        escape(false);
        if (found_) return;
      } else {
        ++at_;
      }
    }
    if (at_ >= text_.size() || text_[at_] != quote) {
      return fail(begin, "string has no closing quote on its line",
                  std::string("close it with ") + quote);
    }
    ++at_;
  }

  void multi_line(char quote) {
    const std::size_t begin = at_;
    const std::string end(3, quote);
    at_ += 3;
    while (at_ < text_.size() && !looking_at(end)) {
      const char c = text_[at_];
      if (is_control(c) && c != '\n' && !looking_at("\r\n")) {
        return fail(at_, "control character in a string", "write it as an escape such as \\u0007");
      }
      if (quote == '"' && c == '\\') {
        escape(true);
        if (found_) return;
      } else {
        ++at_;
      }
    }
    if (at_ >= text_.size()) {
      return fail(begin, "string has no closing quotes", "close it with " + end);
    }
    at_ += 3;
    // Up to two quotes may stand directly before the closing three.
    for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] == quote; ++i) ++at_;
  }

  void escape(bool may_continue_line) {
    const std::size_t begin = at_++;
    if (at_ >= text_.size()) return;
    const char c = text_[at_];
    if (c == 'u' || c == 'U') {
      const std::size_t digits = c == 'u' ? 4 : 8;
      const std::string_view code = text_.substr(at_ + 1, digits);
      if (code.size() != digits || !std::all_of(code.begin(), code.end(), is_hex)) {
        return fail(begin, "bad escape in a string",
                    "\\u takes four and \\U eight hexadecimal digits");
      }
      if (code.find_first_not_of('0') == std::string_view::npos) {
        return fail(begin, "U+0000 in a string", "MQTT and file names have no use for it");
      }
      at_ += 1 + digits;
      return;
    }
    if (std::string_view("btnfr\"\\").find(c) != std::string_view::npos) {
      ++at_;
      return;
    }
    if (may_continue_line && (c == '\n' || c == '\r' || c == ' ' || c == '\t')) return;
    fail(begin, "bad escape in a string",
         "write a backslash as \\\\, or put the string in 'single quotes'");
  }

  void open_bracket() {
    // [table] and [[table]] headers are brackets too, and close on their line.
    open_.push_back(at_);
    dots_ = 0;
    if (open_.size() > kMaxNesting) {
      return fail(at_, "brackets are nested more than 16 deep", "nothing here needs that");
    }
    ++at_;
  }

  void close_bracket(char c) {
    const char partner = c == ']' ? '[' : '{';
    if (open_.empty() || text_[open_.back()] != partner) {
      return fail(at_, std::string("'") + c + "' without '" + partner + "' before it", "");
    }
    open_.pop_back();
    ++at_;
  }

  const Source& source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t dots_ = 0;
  std::vector<std::size_t> open_;  // offsets of brackets that wait for their partner
  std::optional<Diagnostic> found_;
};

}  // namespace

std::optional<Diagnostic> scan(const Source& source) { return Scanner(source).run(); }

}  // namespace sallyport::config
