#include "policy/foreign_syntax.h"

#include <algorithm>
#include <array>
#include <string>

#include "policy/wording.h"

namespace sallyport::policy {

namespace {

constexpr std::uint8_t kFilter = 1;
constexpr std::uint8_t kGlob = 2;
constexpr std::uint8_t kHostGlob = 4;
constexpr std::uint8_t kGlobs = kGlob | kHostGlob;
constexpr std::uint8_t kAll = kFilter | kGlobs;

constexpr std::uint8_t bit(TextKind kind) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind));
}

/// bare: anywhere but behind a $.
enum class At : std::uint8_t { begin, end, anywhere, bare, level };

/// One sign by which another language is known.
struct Sign {
  std::string_view text;
  At at;
  std::uint8_t kinds;
  std::string_view meaning;  // follows the text: `"%c" is ...`
  std::string_view hint;
};

constexpr std::string_view kNoRegex =
    "regular expressions are not understood; in match use * and ?, in filters + and #";

/// The first that fits is reported, so that "^a/.*$" is told of its beginning.
constexpr auto kSigns = std::to_array<Sign>({
    {"%c", At::anywhere, kAll, "is a placeholder of other brokers", "write ${client_id}"},
    {"%u", At::anywhere, kAll, "is a placeholder of other brokers", "write ${username}"},
    {"%m", At::anywhere, kFilter, "is a placeholder of other brokers",
     "there is no mountpoint here; write the levels out"},
    {"{{", At::anywhere, kAll, "is how other languages write placeholders",
     "write ${client_id} and the like"},
    {"{client", At::bare, kFilter, "has no $ in front", "write ${client_id}"},
    {"{user", At::bare, kFilter, "has no $ in front", "write ${username}"},
    {"{cert", At::bare, kFilter, "has no $ in front", "write ${cert.cn} and the like"},
    {"$client", At::anywhere, kFilter, "has no braces", "write ${client_id}"},
    {"$user", At::anywhere, kFilter, "has no braces", "write ${username}"},
    {"$cert", At::anywhere, kFilter, "has no braces", "write ${cert.cn} and the like"},
    {"<client", At::anywhere, kFilter, "is how texts write placeholders", "write ${client_id}"},
    {"$(", At::anywhere, kAll, "is how other languages write placeholders",
     "write ${client_id} and the like"},
    {"${", At::anywhere, kGlobs, "begins a placeholder, which match does not have",
     "placeholders are for filters and client_id"},
    {"{", At::begin, kGlobs, "begins a choice of other languages", "write a list: [\"a\", \"b\"]"},
    {"eq ", At::begin, kAll, "is of EMQX's rules",
     "write the filter alone; it is matched as MQTT does"},
    {"topic ", At::begin, kAll, "is of Mosquitto's ACL file",
     "write the filter alone, under publish or subscribe"},
    {"pattern ", At::begin, kAll, "is of Mosquitto's ACL file",
     "write the filter alone, under publish or subscribe"},
    {"read ", At::begin, kFilter, "is of Mosquitto's ACL file",
     "write the filter alone, under subscribe"},
    {"write ", At::begin, kFilter, "is of Mosquitto's ACL file",
     "write the filter alone, under publish"},
    {"readwrite ", At::begin, kFilter, "is of Mosquitto's ACL file",
     "write the filter alone, under publish and under subscribe"},
    {"^", At::begin, kAll, "begins a regular expression", kNoRegex},
    {"$", At::end, kAll, "ends a regular expression", kNoRegex},
    {"\\", At::anywhere, kAll, "is of regular expressions", kNoRegex},
    {".+", At::anywhere, kAll, "is of regular expressions", kNoRegex},
    {".*", At::anywhere, kFilter | kGlob, "is of regular expressions", kNoRegex},
    {"(?", At::begin, kAll, "begins a regular expression", kNoRegex},
    {"|", At::anywhere, kGlobs, "is of regular expressions", "write a list: [\"a\", \"b\"]"},
    {"[", At::anywhere, kGlob, "begins a set of characters, which globs here do not have",
     "use ? for one character and * for any number"},
    {"!", At::begin, kAll, "is how other languages say \"not\"",
     "write what is meant as a [[role.deny]]"},
    {"*", At::anywhere, kFilter, "is no wildcard of MQTT", "for one level write +, for the rest #"},
    {"?", At::anywhere, kFilter, "is no wildcard of MQTT", "for one level write +"},
    {">", At::level, kFilter, "is a wildcard of NATS", "for the rest of the levels write #"},
    {"%", At::end, kGlobs, "is a wildcard of SQL", "for any number of characters write *"},
    {"CN=", At::begin, kGlob, "is not part of a common name", "write the name alone"},
    {"DNS:", At::begin, kHostGlob, "is not part of a name", "write the name alone"},
    {"URI:", At::begin, kHostGlob, "is not part of a URI", "write the URI alone"},
    {" ", At::begin, kAll, "stands before the first letter", "delete it"},
    {" ", At::end, kAll, "stands behind the last letter", "delete it"},
});

bool is_level(std::string_view filter, std::string_view level) {
  while (true) {
    const std::size_t slash = filter.find('/');
    if (filter.substr(0, slash) == level) return true;
    if (slash == std::string_view::npos) return false;
    filter.remove_prefix(slash + 1);
  }
}

bool holds(const Sign& sign, std::string_view text) {
  switch (sign.at) {
    case At::begin:
      return text.starts_with(sign.text);
    case At::end:
      return text.ends_with(sign.text);
    case At::anywhere:
      return text.find(sign.text) != std::string_view::npos;
    case At::bare: {
      const auto at = text.find(sign.text);
      return at != std::string_view::npos && (at == 0 || text[at - 1] != '$');
    }
    case At::level:
      break;
  }
  return is_level(text, sign.text);
}

}  // namespace

std::optional<Problem> foreign_syntax(std::string_view text, TextKind kind) {
  if (text.starts_with(kLiteralMark)) return std::nullopt;
  const auto* const found = std::find_if(kSigns.begin(), kSigns.end(), [&](const Sign& sign) {
    return (sign.kinds & bit(kind)) != 0 && holds(sign, text);
  });
  if (found == kSigns.end()) return std::nullopt;
  return Problem{quoted(found->text) + " in " + quoted(text) + " " + std::string(found->meaning),
                 std::string(found->hint) + "; what is meant as it stands begins with \"" +
                     std::string(kLiteralMark) + "\""};
}

}  // namespace sallyport::policy
