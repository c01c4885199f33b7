#include "policy/validate.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "policy/limit.h"
#include "policy/match.h"
#include "policy/pattern.h"
#include "policy/wording.h"

namespace sallyport::policy {

namespace {

constexpr std::size_t kLongestName = 64;
constexpr std::string_view kNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
constexpr std::string_view kNameHint = "1 to 64 of A-Z a-z 0-9 . _ : -";
/// What the names of checks begin with; a rule of that name could not be told from one.
constexpr auto kReserved = std::to_array<std::string_view>(
    {"mqtt", "session", "policy", "connection", "tls", "broker", "login"});

constexpr std::uint32_t kSmallestPacket = 2;  // PINGREQ

bool is_reserved(std::string_view name) {
  return std::any_of(kReserved.begin(), kReserved.end(), [name](std::string_view reserved) {
    return name == reserved || (name.starts_with(reserved) && name[reserved.size()] == '.');
  });
}

std::string to_text(const Origin& origin) {
  if (origin.line == 0) return origin.file.empty() ? "elsewhere" : "in " + origin.file;
  return "at " + origin.file + ":" + std::to_string(origin.line) + ":" +
         std::to_string(origin.column);
}

class Validator {
 public:
  explicit Validator(const PolicySpec& spec) : spec_(spec) {}

  std::vector<PolicyError> run() && {
    for (const RoleSpec& role : spec_.roles) collect_limit_name(role);
    for (const RoleSpec& role : spec_.roles) check_role(role);
    return std::move(errors_);
  }

 private:
  using Seen = std::unordered_map<std::string_view, const Origin*>;

  /// A role's limits are called "<role>.limits" wherever a rule's would be called by its id.
  void collect_limit_name(const RoleSpec& role) {
    limit_names_.emplace(role.name + ".limits", &role.origin);
  }

  void fail(const Origin& origin, std::string message, std::string hint) {
    errors_.push_back({origin, std::move(message), std::move(hint)});
  }
  /// Moves problems to errors, each with whose they are in front.
  void fail_all(const Origin& origin, const std::string& whose, std::vector<Problem>& problems) {
    for (Problem& problem : problems) {
      fail(origin, whose + ": " + std::move(problem.message), std::move(problem.hint));
    }
    problems.clear();
  }

  void check_name(std::string_view what, const std::string& name, const Origin& origin,
                  Seen& seen) {
    const std::string named = std::string(what) + " " + quoted(name);
    if (name.empty()) {
      fail(origin, std::string(what) + " is missing or empty", std::string(kNameHint));
      return;
    }
    if (name.size() > kLongestName || name.find_first_not_of(kNameCharacters) != name.npos) {
      fail(origin, named + " is too long or has a character that is not allowed",
           std::string(kNameHint));
    }
    if (is_reserved(name)) {
      fail(origin, named + " is kept for the gateway's own checks",
           "choose one that is not, and does not begin with, \"mqtt.\", \"session.\", "
           "\"policy.\", \"connection.\", \"tls.\" or \"broker.\"");
    }
    const auto [first, is_new] = seen.emplace(name, &origin);
    if (!is_new) {
      fail(origin, named + " is used twice; first " + to_text(*first->second),
           "metrics and the audit log tell rules apart by name: it is unique over all files");
    }
  }

  void check_role(const RoleSpec& role) {
    const std::string whose = "role " + quoted(role.name);
    check_name("role name", role.name, role.origin, roles_);

    std::vector<Problem> problems;
    static_cast<void>(Matcher(role.match, problems));
    if (role.client_id) static_cast<void>(parse_binding(*role.client_id, problems));
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
    std::vector<Problem> problems;
    check_rate(limit, key, problems);
    fail_all(limit.origin.line != 0 ? limit.origin : owner, whose, problems);
  }

  void check_rule(const RuleSpec& rule) {
    const std::string whose = "rule " + quoted(rule.id);
    check_name("rule id", rule.id, rule.origin, rules_);
    if (const auto role = limit_names_.find(rule.id); role != limit_names_.end()) {
      fail(rule.origin,
           "rule id " + quoted(rule.id) + " is what the limits of a role are called; its role is " +
               to_text(*role->second),
           "choose another id");
    }

    std::vector<Problem> problems;
    if (rule.publish.empty() && rule.subscribe.empty()) {
      problems.push_back({"neither publish nor subscribe",
                          "write publish = [\"...\"], subscribe = [\"...\"], or both"});
    }
    for (const std::string& filter : rule.publish) {
      static_cast<void>(parse_filter(filter, problems));
    }
    for (const std::string& filter : rule.subscribe) {
      static_cast<void>(parse_filter(filter, problems));
    }
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
  std::vector<PolicyError> errors_;
  Seen roles_;
  Seen rules_;
  std::unordered_map<std::string, const Origin*> limit_names_;
};

}  // namespace

std::vector<PolicyError> validate(const PolicySpec& spec) { return Validator(spec).run(); }

}  // namespace sallyport::policy
