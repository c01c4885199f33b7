#include "config/syntax_error.h"

#include <array>
#include <charconv>
#include <string>

#include "config/habits.h"

namespace sallyport::config {

namespace {

/// One "12 | source line" with the "   | ^--- comment" below it.
struct Pointer {
  Position at;  // byte column
  std::string_view comment;
};

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

/// The number before " | "; 0 where there is none.
std::uint32_t line_number(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(' ');
  if (begin == std::string_view::npos) return 0;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(line.data() + begin, line.data() + line.size(), number);
  const std::string_view after = line.substr(static_cast<std::size_t>(end - line.data()));
  return error == std::errc() && after.starts_with(" | ") ? number : 0;
}

std::vector<Pointer> pointers(std::string_view text) {
  std::vector<Pointer> found;
  std::uint32_t number = 0;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    const std::size_t bar = line.find(" | ");
    if (number != 0 && bar != std::string_view::npos && line.find_first_not_of(' ') == bar + 1) {
      const std::string_view below = line.substr(bar + 3);
      const std::size_t mark = below.find_first_not_of(' ');
      if (mark != std::string_view::npos) {
        std::size_t comment = below.find_first_not_of("^~-", mark);
        comment = comment == std::string_view::npos ? below.size() : comment;
        std::string_view words = below.substr(comment);
        if (words.starts_with(' ')) words.remove_prefix(1);
        found.push_back({{number, static_cast<std::uint32_t>(mark + 1)}, words});
      }
      number = 0;
      continue;
    }
    number = line_number(line);
  }
  return found;
}

/// The first line, without "[error] toml::function: ".
std::string title_of(std::string_view text) {
  std::string_view title = next_line(text);
  if (title.starts_with("[error] ")) title.remove_prefix(8);
  if (title.starts_with("toml::")) {
    const std::size_t colon = title.find(':', 6);
    title = colon == std::string_view::npos ? std::string_view() : title.substr(colon + 1);
  }
  while (title.starts_with(' ')) title.remove_prefix(1);
  while (title.ends_with(' ') || title.ends_with(':')) title.remove_suffix(1);
  return std::string(title);
}

struct Wording {
  std::string_view theirs;  // found in the title
  std::string_view message;
  std::string_view hint;
};
constexpr std::array kWordings = {
    Wording{"missing value after", "no value after '='", "write a value, or delete the line"},
    Wording{"missing key-value separator", "no '=' after the key", "write: key = value"},
    Wording{"invalid format for key", "not a valid key",
            "a key holds letters, digits, '_' and '-', or stands in quotes"},
    Wording{"empty key is not allowed", "no key before '='", "write: key = value"},
    Wording{"an invalid key appeared", "not a valid key",
            "a key holds letters, digits, '_' and '-', or stands in quotes"},
    Wording{"invalid line format", "more on the line than one key and its value",
            "start a new line for each key"},
    Wording{"newline required after", "more on the line than the table header",
            "start a new line after ']'"},
    Wording{"leading zero", "a number may not begin with 0", "write it without the zero"},
    Wording{"parse_boolean", "not a value", "write true or false, or put text in quotes"},
    Wording{"unknown value appeared", "not a value", "put text in \"quotes\""},
    Wording{"bad float", "not a valid number", "write an integer such as 10, or quote a text"},
    Wording{"bad integer", "not a valid integer", "write an integer such as 10, or quote a text"},
    Wording{"_integer", "not a valid integer", "write an integer such as 10, or quote a text"},
    Wording{"bad number", "not a valid number", "write an integer such as 10, or quote a text"},
    Wording{"missing array separator", "no ',' between the items of an array",
            "separate items with ',' and close the array with ']'"},
    Wording{"missing curly brace", "an inline table must end on its line",
            "close it with '}', or write a [table] with one key a line"},
    Wording{"invalid format appeared in an array", "not a value in an array",
            "separate items with one ',', and put text in quotes"},
    Wording{"trailing comma is not allowed", "',' before the '}' of an inline table", "remove it"},
    Wording{"missing table separator", "no ',' between the keys of an inline table",
            "separate keys with ',' and close the table with '}'"},
    Wording{"inline tables are immutable", "an inline table cannot be added to elsewhere",
            "write all its keys inside { }"},
    Wording{"has static size", "an array written with [ ] cannot be added to with [[ ]]",
            "use one of the two"},
    Wording{"collides with existing", "an array written with [ ] cannot be added to with [[ ]]",
            "use one of the two"},
    Wording{"is neither table nor", "a key inside something that is not a table", ""},
    Wording{"in the range", "escape is not a Unicode character", ""},
};

/// Puts the hint for a known habit in the place of the ordinary one.
void add_habit(const Source& source, Position at, Diagnostic& result) {
  const std::size_t begin = source.offset(at.line, 1);
  const std::string_view text = source.text();
  const std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
  if (const std::string_view hint = habit_of(line); !hint.empty()) result.hint = hint;
}

/// The name between the first pair of `("` and `")`.
std::string_view quoted_name(std::string_view title) {
  const std::size_t begin = title.find("(\"");
  const std::size_t end = title.find("\")");
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin + 2) {
    return "";
  }
  return title.substr(begin + 2, end - begin - 2);
}

}  // namespace

Diagnostic syntax_error(const Source& source, std::string_view text, Position at) {
  const std::string title = title_of(text);
  const std::vector<Pointer> shown = pointers(text);
  if (!shown.empty()) at = shown.back().at;
  const Position where = source.position(source.offset(at.line, at.column));

  Diagnostic result{{source.file(), where.line, where.column}, "", ""};
  if (title.find("already exists") != std::string::npos) {
    result.message = "\"" + std::string(quoted_name(title)) + "\" is defined twice";
    if (shown.size() > 1) {
      result.hint = "first defined in line " + std::to_string(shown.front().at.line);
    }
    return result;
  }
  const std::string_view first_line = text.substr(0, text.find('\n'));
  for (const Wording& wording : kWordings) {
    if (first_line.find(wording.theirs) == std::string_view::npos) continue;
    result.message = wording.message;
    result.hint = wording.hint;
    add_habit(source, at, result);
    return result;
  }
  result.message = title.empty() ? "syntax error" : "syntax error: " + title;
  if (!shown.empty()) result.hint = shown.back().comment;
  add_habit(source, at, result);
  return result;
}

}  // namespace sallyport::config
