#include "config/document.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <sstream>

#include <toml.hpp>

#include "config/scan.h"
#include "config/syntax_error.h"

#if TOML11_VERSION_MAJOR != 3
#error "toml11 3 is needed: version 4 keeps the places of values in another way"
#endif

namespace sallyport::config {

namespace {

bool is_bare_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}
bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Bytes [begin, end) of the source.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// toml11 counts lines from the start of the file whenever it is asked for one. The offset costs
/// nothing, and Source finds the line by bisection.
Span span_of(const toml::value& value) {
  const auto* region = dynamic_cast<const toml::detail::region*>(toml::detail::get_region(value));
  if (region == nullptr) return {};
  return {.begin = static_cast<std::size_t>(region->first() - region->begin()),
          .end = static_cast<std::size_t>(region->last() - region->begin())};
}

class Builder {
 public:
  explicit Builder(const Source& source) : source_(source), text_(source.text()) {}

  Node build(const toml::value& value) const {
    const Span span = span_of(value);
    Node node;
    node.at = source_.position(span.begin);
    node.written = shortened(span);
    switch (value.type()) {
      case toml::value_t::boolean:
        node.kind = Node::Kind::boolean;
        node.boolean = value.as_boolean();
        break;
      case toml::value_t::integer:
        node.kind = Node::Kind::integer;
        node.integer = integer(text_.substr(span.begin, span.end - span.begin));
        break;
      case toml::value_t::floating:
        node.kind = Node::Kind::floating;
        break;
      case toml::value_t::string:
        node.kind = Node::Kind::string;
        node.text = value.as_string().str;
        break;
      case toml::value_t::array:
        node.kind = Node::Kind::array;
        for (const toml::value& item : value.as_array()) node.items.push_back(build(item));
        break;
      case toml::value_t::table:
        node.kind = Node::Kind::table;
        node.members = members(value.as_table());
        break;
      default:
        node.kind = Node::Kind::datetime;
        break;
    }
    return node;
  }

 private:
  std::vector<Member> members(const toml::table& table) const {
    std::vector<Member> members;
    members.reserve(table.size());
    for (const auto& [key, value] : table) {
      members.push_back({key, source_.position(key_offset(key, value)), build(value)});
    }
    std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
      if (a.at.line != b.at.line) return a.at.line < b.at.line;
      if (a.at.column != b.at.column) return a.at.column < b.at.column;
      return a.key < b.key;
    });
    return members;
  }

  /// The parser keeps where a value stands, not its key. Behind `key = ` it is found by walking
  /// back; the value of a [header] or of a dotted key stands for the header or the key itself.
  [[nodiscard]] std::size_t key_offset(const std::string& key, const toml::value& value) const {
    const Span span = span_of(value);
    std::size_t at = std::min(span.begin, text_.size());
    while (at > 0 && is_blank(text_[at - 1])) --at;
    if (at > 0 && text_[at - 1] == '=') {
      --at;
      while (at > 0 && is_blank(text_[at - 1])) --at;
      return key_before(at);
    }
    const std::size_t found = find_key(key, span);
    return found == std::string_view::npos ? span.begin : found;
  }

  /// Where the last part of the key that ends before `end` begins.
  [[nodiscard]] std::size_t key_before(std::size_t end) const {
    if (end == 0) return 0;
    std::size_t at = end - 1;
    const char quote = text_[at];
    if (quote == '"' || quote == '\'') {
      while (at > 0 && text_[at - 1] != '\n') {
        --at;
        if (text_[at] == quote && (at == 0 || quote == '\'' || text_[at - 1] != '\\')) return at;
      }
      return at;
    }
    while (at > 0 && is_bare_key(text_[at - 1])) --at;
    return at;
  }

  /// `key` as a whole part of a header or of a dotted key.
  [[nodiscard]] std::size_t find_key(std::string_view key, Span span) const {
    const std::string_view part = text_.substr(span.begin, span.end - span.begin);
    for (std::size_t at = part.find(key); at != std::string_view::npos;
         at = part.find(key, at + 1)) {
      const std::size_t after = at + key.size();
      const bool begins = at == 0 || !is_bare_key(part[at - 1]);
      const bool ends = after >= part.size() || !is_bare_key(part[after]);
      if (!begins || !ends) continue;
      const bool quoted = at > 0 && (part[at - 1] == '"' || part[at - 1] == '\'');
      return span.begin + at - (quoted ? 1 : 0);
    }
    return std::string_view::npos;
  }

  [[nodiscard]] std::string shortened(Span span) const {
    static constexpr std::size_t kMost = 60;
    std::string_view text = text_.substr(std::min(span.begin, text_.size()), span.end - span.begin);
    text = text.substr(0, text.find_first_of("\r\n"));
    const bool whole = text.size() <= kMost && text.size() == span.end - span.begin;
    std::size_t size = std::min(text.size(), kMost);
    while (size < text.size() && size > 0 &&
           (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
      --size;
    }
    return std::string(text.substr(0, size)) + (whole ? "" : "...");
  }

  /// toml11 turns an integer that does not fit into the nearest that does, or into -1.
  static std::optional<std::int64_t> integer(std::string_view written) {
    std::string digits;
    for (const char c : written) {
      if (c != '_' && c != '+') digits += c;
    }
    int base = 10;
    const std::string_view prefix = std::string_view(digits).substr(0, 2);
    if (prefix == "0x") base = 16;
    if (prefix == "0o") base = 8;
    if (prefix == "0b") base = 2;
    const char* first = digits.data() + (base == 10 ? 0 : 2);
    const char* last = digits.data() + digits.size();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(first, last, value, base);
    if (error != std::errc() || end != last) return std::nullopt;
    return value;
  }

  const Source& source_;
  std::string_view text_;
};

}  // namespace

std::string_view describe(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::string:
      return "a string";
    case Node::Kind::integer:
      return "an integer";
    case Node::Kind::floating:
      return "a floating-point number";
    case Node::Kind::boolean:
      return "a boolean";
    case Node::Kind::datetime:
      return "a date or time";
    case Node::Kind::array:
      return "an array";
    case Node::Kind::table:
      return "a table";
  }
  return "something else";
}

std::expected<Node, Diagnostic> parse(const Source& source) {
  if (auto found = scan(source)) return std::unexpected(std::move(*found));
  try {
    std::istringstream in{std::string(source.text())};
    const toml::value root = toml::parse(in, source.file());
    Node node = Builder(source).build(root);
    node.at = {};  // the file as a whole
    node.written.clear();
    return node;
  } catch (const toml::exception& error) {
    return std::unexpected(
        syntax_error(source, error.what(), {error.location().line(), error.location().column()}));
  } catch (const std::exception& error) {
    return std::unexpected(Diagnostic{{source.file(), 0, 0}, "not a TOML file", error.what()});
  }
}

}  // namespace sallyport::config
