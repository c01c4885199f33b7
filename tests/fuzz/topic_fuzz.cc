// Topics and filters, against readings of sections 1.5.4, 4.7 and 4.8.2 that are as plain as can
// be, and the policy's compiled rules against the same.

#include <string>
#include <vector>

#include "sallyport/policy.h"
#include "sallyport/topic.h"

#include "check.h"
#include "input.h"

using namespace sallyport;
using namespace sallyport::fuzz;

namespace {

using Names = std::vector<std::string>;

Names levels_of(std::string_view text) {
  Names out(1);
  for (const char c : text) {
    if (c == '/') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

/// One character after another, by the table of the Unicode standard (3.9, table 3-7).
bool plain_utf8(std::string_view text, bool refuse_controls) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t n) -> unsigned {
      return i + n < text.size() ? static_cast<unsigned char>(text[i + n]) : 0U;
    };
    const unsigned lead = byte(0);
    const unsigned size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4) return false;
    unsigned value = size == 1 ? lead : lead & (0xFFU >> (size + 1));
    for (unsigned n = 1; n < size; ++n) {
      if ((byte(n) & 0xC0) != 0x80) return false;
      value = value << 6 | (byte(n) & 0x3F);
    }
    if (value == 0 || (value >= 0xD800 && value <= 0xDFFF) || value > 0x10FFFF) return false;
    if ((size == 3 && value < 0x800) || (size == 4 && value < 0x10000)) return false;
    const bool control = value < 0x20 || (value >= 0x7F && value < 0xA0);
    const bool no_character = (value & 0xFFFE) == 0xFFFE || (value >= 0xFDD0 && value <= 0xFDEF);
    if (refuse_controls && (control || no_character)) return false;
    i += size;
  }
  return true;
}

bool plain_name(std::string_view topic, const Bounds& bounds) {
  return !topic.empty() && topic.size() <= bounds.max_topic_length &&
         plain_utf8(topic, bounds.refuse_control_characters) &&
         topic.find_first_of("+#") == std::string_view::npos &&
         levels_of(topic).size() <= bounds.max_topic_levels;
}

bool plain_filter(std::string_view filter, const Bounds& bounds) {
  if (filter.empty() || filter.size() > bounds.max_topic_length ||
      !plain_utf8(filter, bounds.refuse_control_characters)) {
    return false;
  }
  Names names = levels_of(filter);
  if (names[0] == "$share" && names.size() > 1) {
    if (names[1].empty() || names[1].find_first_of("+#") != std::string::npos) return false;
    names.erase(names.begin(), names.begin() + 2);
    if (names.empty() || (names.size() == 1 && names[0].empty())) return false;
  }
  if (names.size() > bounds.max_topic_levels) return false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].find_first_of("+#") == std::string::npos || names[i] == "+") continue;
    if (names[i] != "#" || i + 1 != names.size()) return false;
  }
  return true;
}

bool wild(const std::string& level) { return level == "+" || level == "#"; }

bool plain_match(const Names& filter, const Names& topic) {
  if (wild(filter[0]) && topic[0].starts_with('$')) return false;
  for (std::size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] == "#") return true;
    if (i == topic.size() || (filter[i] != "+" && filter[i] != topic[i])) return false;
  }
  return filter.size() == topic.size();
}

/// Topics that between them show all that `filter` matches, as far as `other` can tell: a level
/// that `other` does not name for every `+`, and for `#` nothing or up to more levels than `other`
/// has.
std::vector<Names> witnesses(const Names& filter, const Names& other) {
  std::string fresh = "w";
  for (const std::string& level : other) fresh += level.empty() ? "" : "w";
  while (std::find(other.begin(), other.end(), fresh) != other.end()) fresh += "w";
  Names topic;
  for (const std::string& level : filter) {
    if (level == "#") break;
    topic.push_back(level == "+" ? fresh : level);
  }
  std::vector<Names> out;
  const auto add = [&out](const Names& names) {
    if (!names.empty() && (names.size() > 1 || !names[0].empty())) out.push_back(names);
  };
  add(topic);
  if (filter.back() != "#") return out;
  for (std::size_t n = 0; n <= other.size(); ++n) {
    // An empty level is one that only a wildcard or an empty level reaches.
    Names empty_end = topic;
    empty_end.emplace_back();
    add(empty_end);
    topic.push_back(fresh);
    add(topic);
  }
  return out;
}

/// Is there a topic that both match? `i` and `j` levels have been agreed on.
bool plain_overlap(const Names& a, const Names& b, std::size_t i, bool only_empty) {
  const bool end_a = i == a.size();
  const bool end_b = i == b.size();
  const bool hash_a = !end_a && a[i] == "#";
  const bool hash_b = !end_b && b[i] == "#";
  // Nothing more: the topic ends here. It may not be empty.
  const bool can_end = (end_a || hash_a) && (end_b || hash_b);
  if (can_end && i != 0 && !(i == 1 && only_empty)) return true;
  if (hash_a && hash_b) return true;
  if (hash_a) return !end_b;
  if (hash_b) return !end_a;
  if (end_a || end_b) return false;
  if (a[i] != b[i] && a[i] != "+" && b[i] != "+") return false;
  const bool empty = i == 0 && (a[i].empty() || b[i].empty());
  return plain_overlap(a, b, i + 1, empty);
}

bool plain_overlap(const Names& a, const Names& b) {
  if ((wild(a[0]) && b[0].starts_with('$')) || (wild(b[0]) && a[0].starts_with('$'))) return false;
  return plain_overlap(a, b, 0, false);
}

void check_relations(std::string_view a, std::string_view b, std::string_view topic) {
  const Names names_a = levels_of(a);
  const Names names_b = levels_of(b);
  const bool contained = mqtt::contains(a, b);
  must(mqtt::contains(a, a) && mqtt::contains(b, b), "a filter contains itself");
  must(mqtt::overlaps(a, b) == mqtt::overlaps(b, a), "what overlaps overlaps both ways");
  must(mqtt::overlaps(a, b) == plain_overlap(names_a, names_b), "overlap as plainly seen");
  bool all = true;
  for (const Names& witness : witnesses(names_b, names_a)) {
    must(plain_match(names_b, witness), "a witness is one");
    all = all && plain_match(names_a, witness);
  }
  must(contained == all, "one contains another where it matches all that the other does");
  if (contained) must(mqtt::overlaps(a, b), "what is contained overlaps");
  if (topic.empty()) return;
  const Names names = levels_of(topic);
  must(mqtt::matches(a, topic) == plain_match(names_a, names), "a match as plainly seen");
  must(mqtt::matches(b, topic) == plain_match(names_b, names), "a match as plainly seen");
  if (contained && mqtt::matches(b, topic)) must(mqtt::matches(a, topic), "contained is matched");
  if (mqtt::matches(a, topic) && mqtt::matches(b, topic)) {
    must(mqtt::overlaps(a, b), "what matches one topic overlaps");
  }
}

policy::RuleSpec rule(std::string id, bool deny, std::string_view filter) {
  policy::RuleSpec out;
  out.id = std::move(id);
  out.deny = deny;
  // So that a filter that begins with the mark itself, or looks like another language, means
  // itself.
  const std::string exact = "literal:" + std::string(filter);
  out.publish = {exact};
  out.subscribe = {exact};
  return out;
}

/// Allow `a`, deny `b`, ask about `topic` and `filter`.
void check_policy(std::string_view a, std::string_view b, std::string_view topic,
                  std::string_view filter) {
  policy::RoleSpec role;
  role.name = "everybody";
  role.rules = {rule("allow", false, a), rule("deny", true, b)};
  policy::PolicySpec spec;
  spec.roles = {role};
  const auto compiled = policy::Policy::compile(spec);
  if (!compiled) {
    for (const policy::PolicyError& error : compiled.error()) {
      must(!error.message.empty(), "an error has words");
    }
    return;
  }
  // Filters that mean something else in a rule than in a SUBSCRIBE.
  for (const std::string_view text : {a, b}) {
    if (text.find("${") != text.npos || text.starts_with("$share/")) return;
  }
  const Identity identity{"devices", "127.0.0.1", {}, {}, "c1"};
  const auto grants = policy::Policy::admit(*compiled, identity, mqtt::Version::v5);
  must(grants.has_value(), "a role without a match is everybody's");
  const auto says = [](const policy::Verdict& verdict, bool allowed, bool denied) {
    must(verdict.allowed == (allowed && !denied), "the verdict is what the rules say");
    must(denied ? verdict.cause.name == "deny"
                : verdict.cause.name == (allowed ? "allow" : to_string(Check::no_rule)),
         "and names who decided");
  };
  if (!topic.empty()) {
    const Names names = levels_of(topic);
    const bool allowed = plain_match(levels_of(a), names);
    const bool denied = plain_match(levels_of(b), names);
    says(grants->check_publish({topic, 0, false, 1}), allowed, denied);
    says(grants->check_delivery({topic, 0, false, 1}), allowed, denied);
  }
  if (!filter.empty()) {
    says(grants->check_subscribe(filter, 0), mqtt::contains(a, filter), mqtt::contains(b, filter));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input({data, size});
  Bounds bounds;
  const std::uint8_t flags = input.u8();
  bounds.refuse_control_characters = (flags & 1) != 0;
  if ((flags & 2) != 0) bounds.max_topic_levels = 3;
  if ((flags & 4) != 0) bounds.max_topic_length = 12;
  // Four texts, one a line. A topic that is one, filters that are some; the rest is empty.
  std::string_view rest = as_text(input.rest());
  std::string_view texts[4];
  for (std::string_view& text : texts) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  for (const std::string_view text : texts) {
    const Exact bytes(as_bytes(text));
    const std::string_view exact = as_text(bytes.bytes());
    for (const bool refuse : {false, true}) {
      must(mqtt::check_utf8(exact, refuse).has_value() != plain_utf8(text, refuse),
           "UTF-8 as plainly read");
    }
    must(mqtt::check_topic_name(exact, bounds).has_value() != plain_name(text, bounds),
         "a topic name as plainly read");
    must(mqtt::check_topic_filter(exact, bounds).has_value() != plain_filter(text, bounds),
         "a filter as plainly read");
  }
  const auto filter = [&](std::string_view text) {
    return plain_filter(text, bounds) ? mqtt::split_share(text).filter : std::string_view();
  };
  const std::string_view a = filter(texts[0]);
  const std::string_view b = filter(texts[1]);
  const std::string_view topic = plain_name(texts[2], bounds) ? texts[2] : std::string_view();
  if (a.empty() || b.empty()) return 0;
  check_relations(a, b, topic);
  check_policy(a, b, topic, filter(texts[3]));
  return 0;
}
