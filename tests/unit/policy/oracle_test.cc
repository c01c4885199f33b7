// The compiled policy against the plain way: every rule of every role, one after the other, with
// the functions of topic.h. Small random policies, over few words, so that they meet often.
#include <algorithm>
#include <optional>
#include <random>

#include "sallyport/topic.h"

#include "given.h"

namespace sallyport::policy {
namespace {

constexpr std::string_view kRuleLevels[] = {"a",
                                            "b",
                                            "",
                                            "+",
                                            "+",
                                            "$x",
                                            "${client_id}",
                                            "${cert.san.dns}",
                                            "v${username}",
                                            "${cert.san.dns}b",
                                            "x${client_id}y",
                                            "${username}",
                                            "a${client_id}"};
constexpr std::string_view kLevels[] = {"a", "b", "", "$x", "va", "ab", "bb", "xay", "aa", "xy"};
constexpr std::string_view kValues[] = {"a", "b", "", "$x", "+", "#", "a/b", "aa", "xay"};
constexpr Action kActions[] = {Action::drop, Action::drop, Action::disconnect, Action::report};

template <std::size_t N>
std::string filter(Dice& dice, const std::string_view (&words)[N], bool wildcards) {
  std::string text;
  const std::size_t levels = 1 + dice.below(4);
  for (std::size_t i = 0; i < levels; ++i) {
    if (i != 0) text += '/';
    if (wildcards && i + 1 == levels && dice.one_in(3)) {
      text += '#';
    } else if (wildcards && dice.one_in(4)) {
      text += '+';
    } else {
      text += dice.pick(words);
    }
  }
  return text.empty() ? "a" : text;
}

RuleSpec random_rule(Dice& dice, std::string id) {
  RuleSpec rule;
  rule.id = std::move(id);
  rule.deny = dice.one_in(4);
  for (std::size_t i = 1 + dice.below(2); i > 0; --i) {
    rule.publish.push_back(filter(dice, kRuleLevels, true));
  }
  if (dice.one_in(2)) rule.subscribe = rule.publish;
  if (dice.one_in(3)) rule.on_deny = OnDeny{dice.pick(kActions), dice.pick(kActions)};
  if (rule.deny) return rule;
  if (dice.one_in(4)) rule.max_qos = static_cast<std::uint8_t>(dice.below(3));
  if (dice.one_in(4)) rule.retain = dice.one_in(2);
  if (dice.one_in(4)) rule.max_payload = static_cast<std::uint32_t>(dice.below(3));
  if (dice.one_in(4)) rule.limit = messages(1);
  return rule;
}

PolicySpec random_policy(Dice& dice) {
  static constexpr std::string_view kListeners[] = {"*", "here", "h*", "there"};
  PolicySpec spec;
  const std::size_t roles = 1 + dice.below(4);
  std::vector<int> ids = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  for (std::size_t i = ids.size() - 1; i > 0; --i) std::swap(ids[i], ids[dice.below(i + 1)]);
  for (std::size_t i = 0; i < roles; ++i) {
    RoleSpec one = role("role-" + std::to_string(i));
    if (dice.one_in(2)) one.match["listener"] = {std::string(dice.pick(kListeners))};
    one.on_deny = {dice.pick(kActions), dice.pick(kActions)};
    for (std::size_t rules = dice.below(4); rules > 0 && !ids.empty(); --rules) {
      one.rules.push_back(random_rule(dice, "rule-" + std::to_string(ids.back())));
      ids.pop_back();
    }
    spec.roles.push_back(std::move(one));
  }
  return spec;
}

Identity random_identity(Dice& dice) {
  Identity identity;
  identity.listener = "here";
  identity.client_id = dice.pick(kValues);
  if (!dice.one_in(3)) identity.username = dice.pick(kValues);
  if (!dice.one_in(3)) {
    auto certificate = std::make_shared<Certificate>();
    for (std::size_t i = dice.below(3); i > 0; --i) {
      certificate->san_dns.emplace_back(dice.pick(kValues));
    }
    identity.certificate = std::move(certificate);
  }
  return identity;
}

// --- the plain way ---

enum class Kind { publish, response, subscribe, delivery };

struct Question {
  Kind kind = Kind::publish;
  PublishRequest request;
};

std::vector<std::string> values_of(std::string_view name, const Identity& identity) {
  std::vector<std::string> values;
  if (name == "client_id") values.push_back(identity.client_id);
  if (name == "username" && identity.username) values.push_back(*identity.username);
  if (name == "cert.san.dns" && identity.certificate) values = identity.certificate->san_dns;
  std::erase_if(values, [](const std::string& value) {
    return value.empty() || value.find_first_of("+#/") != std::string::npos;
  });
  return values;
}

/// The filter with values put in for its placeholders, in every way.
std::vector<std::string> expanded(const std::string& filter, const Identity& identity) {
  const std::size_t begin = filter.find("${");
  if (begin == std::string::npos) return {filter};
  const std::size_t end = filter.find('}', begin);
  std::vector<std::string> all;
  for (const auto& value : values_of(filter.substr(begin + 2, end - begin - 2), identity)) {
    if (begin == 0 && value.front() == '$') continue;  // no value names a `$` topic
    const auto more = expanded(filter.substr(0, begin) + value + filter.substr(end + 1), identity);
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

bool covers(const RuleSpec& rule, const Identity& identity, const Question& question) {
  const bool reads = question.kind == Kind::subscribe || question.kind == Kind::delivery;
  for (const auto& filter : reads ? rule.subscribe : rule.publish) {
    for (const auto& text : expanded(filter.value, identity)) {
      if (question.kind == Kind::subscribe ? mqtt::contains(text, question.request.topic)
                                           : mqtt::matches(text, question.request.topic)) {
        return true;
      }
    }
  }
  return false;
}

std::optional<mqtt::ReasonCode> failing(const RuleSpec& rule, const Question& question) {
  const PublishRequest& request = question.request;
  if (question.kind == Kind::response) return std::nullopt;
  if (rule.max_qos && request.qos > *rule.max_qos) return mqtt::ReasonCode::not_authorized;
  if (question.kind == Kind::subscribe) return std::nullopt;
  if (rule.retain == false && request.retain) return mqtt::ReasonCode::not_authorized;
  if (rule.max_payload && request.payload_size > *rule.max_payload) {
    return mqtt::ReasonCode::implementation_specific_error;
  }
  return std::nullopt;
}

int rank(Action action) {
  return action == Action::disconnect ? 2 : action == Action::drop ? 1 : 0;
}

struct Entry {
  const RuleSpec* rule;
  Action action;
};

Verdict plainly(const PolicySpec& spec, const Identity& identity, mqtt::Version version,
                const Question& question) {
  const auto of_version = [version](const OnDeny& on_deny) {
    return version == mqtt::Version::v5 ? on_deny.v5 : on_deny.v3;
  };
  std::vector<Entry> covering;
  Action no_rule = Action::report;
  for (const RoleSpec& role : spec.roles) {
    if (!role.match["listener"].empty() && role.match["listener"][0] == "there") continue;
    const Action of_role = of_version(role.on_deny);
    if (rank(of_role) > rank(no_rule)) no_rule = of_role;
    for (const RuleSpec& rule : role.rules) {
      if (!covers(rule, identity, question)) continue;
      covering.push_back({&rule, rule.on_deny ? of_version(*rule.on_deny) : of_role});
    }
  }
  std::sort(covering.begin(), covering.end(),
            [](const Entry& a, const Entry& b) { return a.rule->id < b.rule->id; });
  const auto first = [&covering](const auto& wanted) -> const Entry* {
    const auto found = std::find_if(covering.begin(), covering.end(), wanted);
    return found == covering.end() ? nullptr : &*found;
  };

  Verdict verdict;
  for (const Action action : {Action::disconnect, Action::drop}) {
    if (const Entry* deny =
            first([&](const Entry& e) { return e.rule->deny && e.action == action; })) {
      verdict.cause = {deny->rule->id.value, true};
      verdict.action = action;
      return verdict;
    }
  }
  const Entry* watched = first([](const Entry& e) { return e.rule->deny; });
  // Allowed in fact, then allowed because the failure is only reported; unlimited before limited.
  for (const bool reported : {false, true}) {
    for (const bool limited : {false, true}) {
      const Entry* allow = first([&](const Entry& e) {
        const bool fails = failing(*e.rule, question).has_value();
        return !e.rule->deny && e.rule->limit.has_value() == limited && fails == reported &&
               (!fails || e.action == Action::report);
      });
      if (allow == nullptr) continue;
      verdict.allowed = true;
      verdict.cause = {allow->rule->id.value, true};
      if (reported) {
        verdict.reported = verdict.cause;
        verdict.reported_reason = *failing(*allow->rule, question);
      }
      if (watched != nullptr) {
        verdict.reported = {watched->rule->id.value, true};
        verdict.reported_reason = mqtt::ReasonCode::not_authorized;
      }
      return verdict;
    }
  }
  for (const Action action : {Action::disconnect, Action::drop}) {
    if (const Entry* failed =
            first([&](const Entry& e) { return !e.rule->deny && e.action == action; })) {
      verdict.cause = {failed->rule->id.value, true};
      verdict.action = action;
      verdict.reason = *failing(*failed->rule, question);
      return verdict;
    }
  }
  verdict.cause = {"policy.no-rule", false};
  verdict.action = no_rule;
  if (no_rule == Action::report) {
    verdict.allowed = true;
    verdict.reported = watched != nullptr ? Cause{watched->rule->id.value, true} : verdict.cause;
  }
  return verdict;
}

Verdict ask(const Grants& grants, const Question& question) {
  switch (question.kind) {
    case Kind::publish:
      return grants.check_publish(question.request);
    case Kind::response:
      return grants.check_response_topic(question.request.topic);
    case Kind::subscribe:
      return grants.check_subscribe(question.request.topic, question.request.qos);
    case Kind::delivery:
      break;
  }
  return grants.check_delivery(question.request);
}

TEST_CASE("the compiled policy answers as the rules do one by one") {
  constexpr Kind kKinds[] = {Kind::publish, Kind::response, Kind::subscribe, Kind::delivery};
  constexpr mqtt::Version kVersions[] = {mqtt::Version::v3_1_1, mqtt::Version::v5};
  std::size_t allowed = 0;
  std::size_t by_rule = 0;
  std::size_t reported = 0;
  std::size_t asked = 0;
  std::size_t same = 0;
  for (unsigned seed = 1; seed <= 4000; ++seed) {
    Dice dice(seed);
    const PolicySpec spec = random_policy(dice);
    const auto policy = Policy::compile(spec);
    REQUIRE_MESSAGE(policy.has_value(), policy.error()[0].message);
    const Identity identity = random_identity(dice);
    const mqtt::Version version = dice.pick(kVersions);
    const auto grants = Policy::admit(*policy, identity, version);
    if (!grants) continue;
    for (int i = 0; i < 40; ++i) {
      Question question;
      question.kind = dice.pick(kKinds);
      const std::string text = filter(dice, kLevels, question.kind == Kind::subscribe);
      question.request = {{text, static_cast<std::uint8_t>(dice.below(3)), dice.one_in(2)},
                          static_cast<std::uint32_t>(dice.below(4))};
      const Verdict verdict = ask(*grants, question);
      const Verdict expected = plainly(spec, identity, version, question);
      if (words(verdict) != words(expected) || verdict.cause.is_rule != expected.cause.is_rule) {
        CAPTURE(seed);
        CAPTURE(static_cast<int>(question.kind));
        CAPTURE(text);
        REQUIRE(words(verdict) == words(expected));
      }
      // For which other payloads is that the answer, too?
      REQUIRE(verdict.payload_least <= question.request.payload_size);
      REQUIRE(verdict.payload_most >= question.request.payload_size);
      for (std::uint32_t size = 0; size < 5; ++size) {
        if (size < verdict.payload_least || size > verdict.payload_most) continue;
        Question other = question;
        other.request.payload_size = size;
        if (words(ask(*grants, other)) != words(verdict)) {
          CAPTURE(seed);
          CAPTURE(text);
          REQUIRE(words(ask(*grants, other)) == words(verdict));
        }
        same += size != question.request.payload_size ? 1U : 0U;
      }
      ++asked;
      allowed += verdict.allowed ? 1U : 0U;
      by_rule += verdict.cause.is_rule ? 1U : 0U;
      reported += verdict.reported.name.empty() ? 0U : 1U;
    }
  }
  // The dice must not make it too easy.
  CHECK(asked > 100'000);
  CHECK(allowed > asked / 5);
  CHECK(allowed < asked * 4 / 5);
  CHECK(by_rule > asked / 4);
  CHECK(reported > asked / 20);
  CHECK(same > asked);
  CHECK(same < asked * 4);
}

}  // namespace
}  // namespace sallyport::policy
