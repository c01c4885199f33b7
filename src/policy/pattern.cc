#include "policy/pattern.h"

#include <algorithm>

#include "sallyport/utf8.h"

#include "policy/wording.h"

namespace sallyport::policy {

namespace {

constexpr std::size_t kLongestString = 65'535;  // a UTF-8 string on the wire, 1.5.4

std::vector<std::string_view> placeholder_names() {
  std::vector<std::string_view> names;
  for (const Attribute& row : kAttributes) {
    if (!row.placeholder.empty()) names.push_back(row.placeholder);
  }
  return names;
}

std::string placeholder_list() {
  std::string out;
  for (const std::string_view name : placeholder_names()) {
    out.append(out.empty() ? "placeholders are ${" : ", ${").append(name).append("}");
  }
  return out;
}

std::optional<AttributeNumber> find_placeholder(std::string_view name) {
  if (name.empty()) return std::nullopt;  // an attribute without placeholder has an empty one
  const auto* const found = std::ranges::find(kAttributes, name, &Attribute::placeholder);
  if (found == kAttributes.end()) return std::nullopt;
  return static_cast<AttributeNumber>(found - kAttributes.begin());
}

/// Text with at most one placeholder in it: a level of a filter, or a binding.
struct Piece {
  bool has_placeholder = false;
  std::string literal;
  ValuePattern pattern;
};

/// Reads a piece from the start of `rest` up to `/` (where `one_level`) or to its end, and takes it
/// off. What goes wrong is said of `whole`.
Piece take_piece(std::string_view& rest, bool one_level, std::string_view whole,
                 std::vector<Problem>& problems) {
  Piece piece;
  std::size_t count = 0;
  std::string* text = &piece.literal;
  std::size_t i = 0;
  while (i < rest.size() && !(one_level && rest[i] == '/')) {
    if (!rest.substr(i).starts_with("${")) {
      text->push_back(rest[i++]);
      continue;
    }
    const std::size_t end = rest.find_first_of("}/", i);
    if (end == std::string_view::npos || rest[end] == '/') {
      problems.push_back({"\"${\" without its \"}\" in " + quoted(whole),
                          "a placeholder is closed before the next \"/\"; " + placeholder_list()});
      text->append("${");
      i += 2;
      continue;
    }
    const std::string_view name = rest.substr(i + 2, end - i - 2);
    const auto attribute = find_placeholder(name);
    if (!attribute) {
      problems.push_back(
          {"unknown placeholder " + quoted(rest.substr(i, end + 1 - i)) + " in " + quoted(whole),
           did_you_mean(name, placeholder_names()) + placeholder_list()});
    }
    if (++count == 2) {
      // "a-b" + "-" + "c" is also "a" + "-" + "b-c": a client that chooses one of the values could
      // take the place of another.
      problems.push_back(
          {std::string("two placeholders in one ") + (one_level ? "topic level of " : "value: ") +
               quoted(whole),
           "their values could be cut apart in more than one way; " +
               std::string(one_level
                               ? "give each a level of its own, as in ${username}/${client_id}"
                               : "use one")});
    }
    piece.has_placeholder = true;
    piece.pattern.attribute = attribute.value_or(0);
    piece.pattern.prefix = piece.literal;
    text = &piece.pattern.suffix;
    i = end + 1;
  }
  rest.remove_prefix(i);
  return piece;
}

/// What holds for every string that stands in an MQTT packet. [MQTT-1.5.4-1] [MQTT-1.5.4-2]
void check_text(std::string_view text, std::vector<Problem>& problems) {
  if (text.size() > kLongestString) {
    problems.push_back({quoted(text) + " is longer than MQTT allows", "at most 65535 bytes"});
  }
  if (mqtt::check_utf8(text, false)) {
    problems.push_back({quoted(text) + " is not well-formed UTF-8, or holds U+0000",
                        "MQTT strings are UTF-8 without U+0000"});
  }
}

bool has_wildcard(std::string_view text) {
  return text.find_first_of("+#") != std::string_view::npos;
}

FilterLevel to_level(Piece piece, bool last, std::string_view whole,
                     std::vector<Problem>& problems) {
  FilterLevel level;
  if (piece.has_placeholder) {
    level.kind = FilterLevel::Kind::pattern;
    if (has_wildcard(piece.pattern.prefix) || has_wildcard(piece.pattern.suffix)) {
      problems.push_back({"wildcard beside a placeholder in one level of " + quoted(whole),
                          "\"+\" and \"#\" stand alone in their level"});
    }
    level.pattern = std::move(piece.pattern);
  } else if (piece.literal == "+") {
    level.kind = FilterLevel::Kind::plus;
  } else if (piece.literal == "#") {
    level.kind = FilterLevel::Kind::hash;
    if (!last) {
      problems.push_back({"\"#\" before the end of " + quoted(whole),
                          "\"#\" is the last level of a filter; for one level use \"+\""});
    }
  } else {
    if (has_wildcard(piece.literal)) {
      problems.push_back({"wildcard inside level " + quoted(piece.literal) + " of " + quoted(whole),
                          "\"+\" and \"#\" stand alone in their level"});
    }
    level.literal = std::move(piece.literal);
  }
  return level;
}

}  // namespace

FilterLevels parse_filter(std::string_view filter, std::vector<Problem>& problems) {
  if (filter.empty()) {
    problems.push_back({"empty topic filter", "\"#\" covers every topic"});
    return {};
  }
  check_text(filter, problems);
  FilterLevels levels;
  std::string_view rest = filter;
  for (;;) {
    Piece piece = take_piece(rest, true, filter, problems);
    const bool last = rest.empty();
    if (levels.size() == kMaxFilterLevels) {
      problems.push_back(
          {"more than " + std::to_string(kMaxFilterLevels) + " levels in " + quoted(filter),
           "end it with \"#\""});
      break;
    }
    levels.push_back(to_level(std::move(piece), last, filter, problems));
    if (last) break;
    rest.remove_prefix(1);  // the slash; behind it comes one more level, be it an empty one
  }
  if (levels.front().literal == "$share") {
    problems.push_back({"shared subscription " + quoted(filter) + " as a rule's filter",
                        "write the filter alone: a SUBSCRIBE of $share/group/filter is checked on "
                        "its filter"});
  }
  return levels;
}

Binding parse_binding(std::string_view text, std::vector<Problem>& problems) {
  Binding binding;
  if (text.empty()) {
    problems.push_back({"client_id is empty", "leave it out to allow every client identifier"});
    return binding;
  }
  check_text(text, problems);
  if (text.find_first_of("*?") != std::string_view::npos) {
    problems.push_back({"wildcard in client_id = " + quoted(text),
                        "client_id names the only identifier allowed; a pattern of identifiers "
                        "goes into match = { client_id = ... }"});
  }
  std::string_view rest = text;
  Piece piece = take_piece(rest, false, text, problems);
  if (!piece.has_placeholder) {
    binding.literal = std::move(piece.literal);
    return binding;
  }
  if (text.find("${client_id}") != std::string_view::npos) {
    problems.push_back({"client_id = " + quoted(text) + " is bound to itself",
                        "bind it to something the client cannot choose, as ${cert.cn}"});
  }
  binding.pattern = std::move(piece.pattern);
  return binding;
}

}  // namespace sallyport::policy
