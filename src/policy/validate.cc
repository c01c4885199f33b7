#include "policy/validate.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "policy/foreign_syntax.h"
#include "policy/limit.h"
#include "policy/match.h"
#include "policy/name.h"
#include "policy/pattern.h"
#include "policy/wording.h"

namespace sallyport::policy {

namespace {

/// What the names of checks begin with; a rule of that name could not be told from one.
constexpr auto kReserved = std::to_array<std::string_view>(
    {"mqtt", "session", "policy", "connection", "tls", "broker", "login"});

constexpr std::uint32_t kSmallestPacket = 2;  // PINGREQ

bool is_reserved(std::string_view name) {
  return std::any_of(kReserved.begin(), kReserved.end(), [name](std::string_view reserved) {
    return name == reserved || (name.starts_with(reserved) && name[reserved.size()] == '.');
  });
}

/// "a.", "b." or "c."
std::string reserved_prefixes() {
  std::string text;
  for (std::size_t i = 0; i < kReserved.size(); ++i) {
    if (i != 0) text += i + 1 == kReserved.size() ? " or " : ", ";
    text += "\"" + std::string(kReserved[i]) + ".\"";
  }
  return text;
}

std::string to_text(const Origin& origin) {
  if (origin.line == 0) return origin.file.empty() ? "elsewhere" : "in " + origin.file;
  return "at " + origin.file + ":" + std::to_string(origin.line) + ":" +
         std::to_string(origin.column);
}

class Validator {
 public:
  explicit Validator(const PolicySpec& spec) : spec_(spec) {}

  Validation run() && {
    for (const RoleSpec& role : spec_.roles) collect_limit_name(role);
    for (const RoleSpec& role : spec_.roles) check_role(role);
    return std::move(result_);
  }

 private:
  using Seen = std::unordered_map<std::string_view, const Origin*>;

  /// A role's limits are called "<role>.limits" wherever a rule's would be called by its id.
  void collect_limit_name(const RoleSpec& role) {
    limit_names_.emplace(role.name.value + ".limits", &role.origin);
  }

  void fail(const Origin& origin, std::string message, std::string hint) {
    result_.errors.push_back({origin, std::move(message), std::move(hint)});
  }
  /// Moves problems to errors, each with whose they are in front. `owner` is where the role, rule
  /// or limit stands: problems that do not know their place are reported there.
  void fail_all(const Origin& owner, const std::string& whose, std::vector<Problem>& problems) {
    for (Problem& problem : problems) {
      fail(at(owner, problem.at), whose + ": " + std::move(problem.message),
           std::move(problem.hint));
    }
    problems.clear();
  }
  [[nodiscard]] static Origin at(const Origin& owner, Place place) {
    return place.line == 0 ? owner : Origin{owner.file, place.line, place.column};
  }

  void check_name(std::string_view what, const Text& name, const Origin& owner, bool incomplete,
                  Seen& seen) {
    if (name.value.empty()) {
      if (incomplete) return;
      fail(at(owner, name.at), std::string(what) + " is missing or empty", std::string(kNameHint));
      return;
    }
    const std::string named = std::string(what) + " " + quoted(name.value);
    if (!is_name(name.value)) {
      fail(at(owner, name.at),
           named + " is not a name: it is too long or has a character that is not allowed",
           std::string(kNameHint));
    }
    if (is_reserved(name.value)) {
      fail(at(owner, name.at), named + " is kept for the gateway's own checks",
           "choose one that is not, and does not begin with, " + reserved_prefixes());
    }
    const auto [first, is_new] = seen.emplace(name.value, &owner);
    if (!is_new) {
      fail(owner, named + " is used twice; first " + to_text(*first->second),
           "metrics and the audit log tell rules apart by name: it is unique over all files");
    }
  }

  void check_role(const RoleSpec& role) {
    const std::string whose = "role " + quoted(role.name.value);
    result_.incomplete |= role.incomplete;
    check_name("role name", role.name, role.origin, role.incomplete, roles_);

    std::vector<Problem> problems;
    for (std::size_t i = 0; i < kAttributes.size(); ++i) {
      for (const Text& text : role.match.asked[i]) check_asked(kAttributes[i], text, problems);
    }
    fail_all(role.origin, whose, problems);
    if (role.client_id) {
      static_cast<void>(parse_binding(role.client_id->value, problems));
      fail_all(at(role.origin, role.client_id->at), whose, problems);
    }
    if (role.bounds && role.bounds->max_packet < kSmallestPacket) {
      problems.push_back(
          {"max_packet = " + std::to_string(role.bounds->max_packet) + " lets no packet pass",
           "at least " + std::to_string(kSmallestPacket) + " bytes"});
    }
    check_on_deny(role.on_deny, problems);
    fail_all(role.origin, whose, problems);
    if (role.limits) check_limit(*role.limits, "limits", role.origin, whose);

    for (const RuleSpec& rule : role.rules) check_rule(rule);
  }

  static void check_on_deny(const OnDeny& on_deny, std::vector<Problem>& problems) {
    if (on_deny.v3 == Action::throttle || on_deny.v5 == Action::throttle) {
      problems.push_back({"on_deny = \"throttle\"",
                          "what is not allowed now will not be allowed later: drop, disconnect or "
                          "report; throttle is for on_exceed of a limit"});
    }
  }

  void check_limit(const RateSpec& limit, std::string_view key, const Origin& owner,
                   const std::string& whose) {
    result_.incomplete |= limit.incomplete;
    if (limit.incomplete) return;  // what is wrong would follow from what could not be read
    std::vector<Problem> problems;
    check_rate(limit, key, problems);
    fail_all(limit.origin.line != 0 ? limit.origin : owner, whose, problems);
  }

  void check_filters(std::string_view key, const std::vector<Text>& filters, const RuleSpec& rule,
                     const std::string& whose) {
    std::vector<Problem> problems;
    for (const Text& filter : filters) {
      if (auto foreign = foreign_syntax(filter.value, TextKind::filter)) {
        problems.push_back(std::move(*foreign));
      } else {
        static_cast<void>(parse_filter(without_literal_mark(filter.value), problems));
      }
      if (problems.empty()) continue;
      fail_all(at(rule.origin, filter.at), whose + ": " + std::string(key), problems);
    }
  }

  void check_rule(const RuleSpec& rule) {
    const std::string whose = "rule " + quoted(rule.id.value);
    result_.incomplete |= rule.incomplete;
    check_name("rule id", rule.id, rule.origin, rule.incomplete, rules_);
    if (const auto role = limit_names_.find(rule.id.value); role != limit_names_.end()) {
      fail(at(rule.origin, rule.id.at),
           "rule id " + quoted(rule.id.value) +
               " is what the limits of a role are called; its role is " + to_text(*role->second),
           "choose another id");
    }
    if (rule.publish.empty() && rule.subscribe.empty() && !rule.incomplete) {
      fail(rule.origin, whose + " has neither \"publish\" nor \"subscribe\"",
           "write publish = [\"...\"], subscribe = [\"...\"], or both");
    }
    check_filters("publish", rule.publish, rule, whose);
    check_filters("subscribe", rule.subscribe, rule, whose);

    std::vector<Problem> problems;
    if (rule.on_deny) check_on_deny(*rule.on_deny, problems);
    if (rule.deny) {
      check_deny(rule, problems);
    } else {
      check_conditions(rule, problems);
    }
    fail_all(rule.origin, whose, problems);
    if (rule.limit && !rule.deny) check_limit(*rule.limit, "limit", rule.origin, whose);
  }

  static void check_deny(const RuleSpec& rule, std::vector<Problem>& problems) {
    const auto senseless = [&problems](bool present, std::string_view key) {
      if (!present) return;
      problems.push_back({std::string(key) + " on a deny rule",
                          "a deny rule refuses all that its filters cover, whatever its QoS, size "
                          "or rate; put " +
                              std::string(key) + " on the allow rule that it should narrow"});
    };
    senseless(rule.max_qos.has_value(), "max_qos");
    senseless(rule.retain.has_value(), "retain");
    senseless(rule.max_payload.has_value(), "max_payload");
    senseless(rule.limit.has_value(), "limit");
    senseless(rule.inspection.inspector != nullptr, "inspection");
  }

  static void check_conditions(const RuleSpec& rule, std::vector<Problem>& problems) {
    if (rule.max_qos && *rule.max_qos > 2) {
      problems.push_back(
          {"max_qos = " + std::to_string(*rule.max_qos) + " is no QoS", "0, 1 or 2"});
    }
    if (rule.max_payload && *rule.max_payload > mqtt::kMaxRemainingLength) {
      problems.push_back(
          {"max_payload = " + std::to_string(*rule.max_payload) + " is more than MQTT can carry",
           "at most " + std::to_string(mqtt::kMaxRemainingLength) + " bytes"});
    }
  }

  const PolicySpec& spec_;
  Validation result_;
  Seen roles_;
  Seen rules_;
  std::unordered_map<std::string, const Origin*> limit_names_;
};

}  // namespace

Validation validate(const PolicySpec& spec) { return Validator(spec).run(); }

}  // namespace sallyport::policy
