#include "policy/match.h"

#include <algorithm>

#include "sallyport/utf8.h"

#include "policy/foreign_syntax.h"
#include "policy/glob.h"
#include "policy/wording.h"

namespace sallyport::policy {

namespace {

/// Values of these are lower-case hexadecimal without separators, as no other text can be.
bool is_hexadecimal(const Attribute& attribute) {
  return attribute.match == "cert_serial" || attribute.match == "cert_fingerprint";
}

}  // namespace

void check_asked(const Attribute& attribute, const Text& text, std::vector<Problem>& problems) {
  if (attribute.is_network()) {
    if (auto network = parse_network(text.value); !network) {
      problems.push_back(std::move(network.error()));
      problems.back().at = text.at;
    }
    return;
  }
  const std::string key = "match." + std::string(attribute.match);
  const TextKind kind =
      attribute.kind == Attribute::Kind::host_glob ? TextKind::host_glob : TextKind::glob;
  if (auto foreign = foreign_syntax(text.value, kind)) {
    foreign->message = key + ": " + foreign->message;
    foreign->at = text.at;
    problems.push_back(std::move(*foreign));
    return;
  }
  const std::string_view glob = without_literal_mark(text.value);
  const std::string what = key + " = " + quoted(glob);
  if (glob.empty()) {
    problems.push_back({what + " is empty",
                        "\"*\" matches every value; leave the key out to ask nothing", text.at});
  } else if (is_hexadecimal(attribute) &&
             glob.find_first_not_of("0123456789abcdef*?") != std::string_view::npos) {
    problems.push_back(
        {what + " can match nothing",
         "it is written in lower-case hexadecimal, without colons and 0x: \"0a1b2c\"", text.at});
  } else if (glob.size() > kMaxGlob) {
    problems.push_back(
        {what + " is too long", "at most " + std::to_string(kMaxGlob) + " bytes", text.at});
  } else if (mqtt::check_utf8(glob, false)) {
    problems.push_back({what + " is not well-formed UTF-8, or holds U+0000", "", text.at});
  }
}

Matcher::Matcher(const MatchSpec& spec) {
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    if (spec.asked[i].empty()) continue;
    Asked& asked = asked_.emplace_back();
    asked.attribute = static_cast<AttributeNumber>(i);
    for (const Text& text : spec.asked[i]) {
      if (!kAttributes[i].is_network()) {
        asked.globs.emplace_back(without_literal_mark(text.value));
      } else if (const auto network = parse_network(text.value)) {
        asked.networks.push_back(*network);
      }
    }
  }
}

bool Matcher::holds(const Subject& subject) const {
  return std::ranges::all_of(asked_, [&subject](const Asked& asked) {
    if (kAttributes[asked.attribute].is_network()) {
      return subject.address() &&
             std::ranges::any_of(asked.networks, [&](const AddressPrefix& network) {
               return network.contains(*subject.address());
             });
    }
    return std::ranges::any_of(subject.values(asked.attribute), [&asked](const auto& value) {
      return std::ranges::any_of(asked.globs,
                                 [&](const auto& glob) { return glob_matches(glob, value); });
    });
  });
}

}  // namespace sallyport::policy
