#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/policy.h"

/// Topic filters of rules: levels, wildcards and placeholders.
namespace sallyport::policy {

/// Text around one placeholder: `dev-${client_id}` is {client_id, "dev-", ""}.
struct ValuePattern {
  AttributeNumber attribute = 0;
  std::string prefix;
  std::string suffix;

  friend bool operator==(const ValuePattern&, const ValuePattern&) = default;
};
/// Returns whether `text` is the pattern with this value put in.
[[nodiscard]] inline bool fits_value(const ValuePattern& pattern, std::string_view text,
                                     std::string_view value) {
  const auto same = [](const char* a, std::string_view b) {
    return b.empty() || std::memcmp(a, b.data(), b.size()) == 0;
  };
  const std::size_t before = pattern.prefix.size();
  if (text.size() != before + value.size() + pattern.suffix.size()) return false;
  return same(text.data() + before, value) && same(text.data(), pattern.prefix) &&
         same(text.data() + before + value.size(), pattern.suffix);
}

/// What placeholders stand for, by AttributeNumber. Attributes behind its end have no value. Where
/// an attribute has one value, that one may stand for a placeholder (is_usable_value()).
using Substitutes = std::span<const Values>;

/// Returns whether `text` is the pattern with one of several values put in, and that value may
/// stand for a placeholder.
[[nodiscard]] bool fits_any(const ValuePattern& pattern, std::string_view text, Values values);

/// Returns whether `text` is the pattern with the value put in; of several values any may fit. Does
/// not allocate.
[[nodiscard]] inline bool fits(const ValuePattern& pattern, std::string_view text,
                               Substitutes substitutes) {
  if (pattern.attribute >= substitutes.size()) return false;
  const Values values = substitutes[pattern.attribute];
  if (values.size() == 1) return fits_value(pattern, text, values.front());
  return values.size() > 1 && fits_any(pattern, text, values);
}

/// One level of a rule's filter.
struct FilterLevel {
  enum class Kind : std::uint8_t { literal, plus, hash, pattern };
  Kind kind = Kind::literal;
  std::string literal;
  ValuePattern pattern;
};
using FilterLevels = std::vector<FilterLevel>;

/// Most levels that a rule's filter may have. Bounds the depth of the trie, and with it the stack
/// of a verdict, whatever topics arrive.
inline constexpr std::size_t kMaxFilterLevels = 128;

/// What is wrong with a value.
struct Problem {
  std::string message;
  std::string hint;
  Place at = {};  // of the value; line 0: not known here, then the caller says where
};

/// Takes a rule's filter apart. All that is wrong with it is added to `problems`; the levels are
/// good for use only where nothing was.
[[nodiscard]] FilterLevels parse_filter(std::string_view filter, std::vector<Problem>& problems);

/// A client identifier binding: a literal, or text around one placeholder.
struct Binding {
  std::string literal;
  std::optional<ValuePattern> pattern;
};
[[nodiscard]] Binding parse_binding(std::string_view text, std::vector<Problem>& problems);

}  // namespace sallyport::policy
