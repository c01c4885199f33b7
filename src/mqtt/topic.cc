#include "sallyport/topic.h"

#include <algorithm>
#include <cstddef>

#include "mqtt/plain_topic.h"

namespace sallyport::mqtt {

namespace {

constexpr std::string_view kSharePrefix = "$share/";

std::size_t count_slashes(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '/'));
}

/// A wildcard takes a whole level; `#` only the last one. [MQTT-4.7.1-1] [MQTT-4.7.1-2]
bool wildcards_are_placed(std::string_view filter) {
  bool multi_level = false;
  Levels levels(filter);
  for (std::string_view level; levels.next(level);) {
    if (multi_level) return false;
    if (level == "#") {
      multi_level = true;
    } else if (level != "+" && level.find_first_of("+#") != std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool is_wildcard(char c) { return c == '+' || c == '#'; }

/// Does one begin with a wildcard and the other with `$`? Then they have nothing to do with each
/// other. [MQTT-4.7.2-1]
bool kept_apart(std::string_view filter, std::string_view other) {
  return !filter.empty() && !other.empty() && is_wildcard(filter.front()) && other.front() == '$';
}

/// `#` stands for the level above it too, except that no topic is empty: `#` has at least one level
/// below it, and `/#` at least two. With that written out, two filters are equal in what they match
/// only where they are equal in their letters.
std::string_view written_out(std::string_view filter) {
  if (filter == "#") return "+/#";
  if (filter == "/#") return "/+/#";
  return filter;
}

}  // namespace

std::optional<Check> check_topic_name(std::string_view topic, const Bounds& bounds) {
  if (is_plain_topic(topic, bounds)) return std::nullopt;
  if (topic.empty()) return Check::topic_name;
  if (topic.size() > bounds.max_topic_length) return Check::topic_too_long;
  if (const auto bad = check_utf8(topic, bounds.refuse_control_characters)) return bad;
  std::size_t levels = 1;
  for (const char c : topic) {
    if (is_wildcard(c)) return Check::topic_name;
    if (c == '/') ++levels;
  }
  if (levels > bounds.max_topic_levels) return Check::topic_levels;
  return std::nullopt;
}

std::optional<Check> check_topic_filter(std::string_view filter, const Bounds& bounds) {
  if (filter.empty()) return Check::topic_filter;
  if (filter.size() > bounds.max_topic_length) return Check::topic_too_long;
  if (const auto bad = check_utf8(filter, bounds.refuse_control_characters)) return bad;
  if (filter.starts_with(kSharePrefix)) {
    filter.remove_prefix(kSharePrefix.size());
    const auto slash = filter.find('/');
    // A share name of at least one character, without wildcards, then a filter that is one by
    // itself. [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    if (slash == 0 || slash == std::string_view::npos) return Check::share_name;
    if (filter.substr(0, slash).find_first_of("+#") != std::string_view::npos) {
      return Check::share_name;
    }
    filter.remove_prefix(slash + 1);
    if (filter.empty()) return Check::share_name;
  }
  // The limit is on what is matched against topics: `$share/name/` is not part of that.
  if (count_slashes(filter) >= bounds.max_topic_levels) return Check::topic_levels;
  if (!wildcards_are_placed(filter)) return Check::topic_filter;
  return std::nullopt;
}

SharedFilter split_share(std::string_view filter) {
  if (!filter.starts_with(kSharePrefix)) return {{}, filter};
  const std::string_view rest = filter.substr(kSharePrefix.size());
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return {{}, filter};
  return {rest.substr(0, slash), rest.substr(slash + 1)};
}

bool matches(std::string_view filter, std::string_view topic) {
  if (kept_apart(filter, topic)) return false;
  Levels filter_levels(filter);
  Levels topic_levels(topic);
  std::string_view wanted;
  std::string_view level;
  while (filter_levels.next(wanted)) {
    if (wanted == "#") return true;  // also where the topic ends here: "a/#" matches "a"
    if (!topic_levels.next(level)) return false;
    if (wanted != "+" && wanted != level) return false;
  }
  return !topic_levels.next(level);
}

bool contains(std::string_view outer, std::string_view inner) {
  if (kept_apart(outer, inner)) return false;
  Levels outer_levels(outer);
  Levels inner_levels(written_out(inner));
  std::string_view wide;
  std::string_view narrow;
  while (outer_levels.next(wide)) {
    if (wide == "#") return true;
    if (!inner_levels.next(narrow)) return false;
    // `#` reaches the level above it and every depth below, which only another `#` does.
    if (narrow == "#") return false;
    if (wide != "+" && wide != narrow) return false;
  }
  return !inner_levels.next(narrow);
}

bool overlaps(std::string_view a, std::string_view b) {
  if (kept_apart(a, b) || kept_apart(b, a)) return false;
  Levels a_levels(written_out(a));
  Levels b_levels(written_out(b));
  std::string_view one;
  std::string_view two;
  for (;;) {
    const bool has_one = a_levels.next(one);
    const bool has_two = b_levels.next(two);
    if ((has_one && one == "#") || (has_two && two == "#")) return true;
    if (!has_one || !has_two) return has_one == has_two;
    if (one != two && one != "+" && two != "+") return false;
  }
}

}  // namespace sallyport::mqtt
