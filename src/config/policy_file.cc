#include "config/policy_file.h"

#include <array>

#include "config/bounds_table.h"
#include "policy/wording.h"

namespace sallyport::config {

namespace {

constexpr std::array<std::string_view, 3> kDenyNames = {"drop", "disconnect", "report"};
constexpr std::array kDenyActions = {Action::drop, Action::disconnect, Action::report};

constexpr std::array<std::string_view, 4> kExceedNames = {"throttle", "drop", "disconnect",
                                                          "report"};
constexpr std::array kExceedActions = {Action::throttle, Action::drop, Action::disconnect,
                                       Action::report};

/// "[[role.allow]]" becomes `[[role.allow]] "telemetry"` as soon as the name is known.
Text name(TableReader& table, std::string_view key, std::string_view example) {
  table.require(key, "write: " + std::string(key) + " = \"" + std::string(example) + "\"");
  auto text = table.string(key);
  if (!text) return {};
  table.rename(table.where() + " " + policy::quoted(text->value));
  return std::move(*text);
}

policy::OnDeny on_deny(TableReader& table, policy::OnDeny otherwise) {
  const Node* node = table.find("on_deny");
  if (node == nullptr) return otherwise;
  if (node->kind != Node::Kind::table) {
    if (const auto action = table.choice("on_deny", kDenyNames)) {
      otherwise.v3 = otherwise.v5 = kDenyActions[*action];
    }
    return otherwise;
  }
  auto by_version = table.table("on_deny");
  if (const auto action = by_version->choice("mqtt3", kDenyNames)) {
    otherwise.v3 = kDenyActions[*action];
  }
  if (const auto action = by_version->choice("mqtt5", kDenyNames)) {
    otherwise.v5 = kDenyActions[*action];
  }
  if (node->members.empty()) {
    table.problems().add(
        node->at, by_version->where() + " is empty",
        "write on_deny = \"drop\" or { mqtt3 = \"disconnect\", mqtt5 = \"drop\" }");
  }
  by_version->finish();
  return otherwise;
}

/// The keys that `limits` of a role and `limit` of a rule share. Empty: none of them is there.
std::optional<policy::RateSpec> rate_limit(TableReader& table) {
  policy::RateSpec spec;
  spec.origin = table.problems().origin(table.at());
  const std::size_t before = table.problems().count();
  spec.messages = table.message_rate("messages");
  // With the most messages in an hour this keeps a burst's time inside 64 bits of nanoseconds.
  if (const auto burst = table.integer("burst", 1, 1'000'000)) {
    spec.burst.emplace(*burst, table.key_at("burst"));
  }
  spec.bytes = table.byte_rate("bytes");
  if (const auto action = table.choice("on_exceed", kExceedNames)) {
    spec.on_exceed = kExceedActions[*action];
  }
  spec.incomplete = table.problems().count() != before;
  const bool counts = table.find("messages") != nullptr || table.find("bytes") != nullptr;
  if (table.find("on_exceed") != nullptr && !counts) {
    table.problems().add(table.key_at("on_exceed"),
                         "on_exceed in " + table.where() + " has nothing that could be exceeded",
                         "write messages = \"20/s\" or bytes = \"64 KiB/s\"");
  }
  if (!counts && !spec.burst) return std::nullopt;
  return spec;
}

class PolicyFile {
 public:
  PolicyFile(Problems problems, policy::PolicySpec& spec) : problems_(problems), spec_(spec) {}

  void read(const Node& root) {
    TableReader file(problems_, root, "policy file");
    for (const std::string_view rules : {"allow", "deny"}) {
      file.explain(rules, "a rule stands below its role: [[role." + std::string(rules) + "]]");
    }
    for (const std::string_view section : {"broker", "listener", "limits", "observe", "policy"}) {
      file.explain(section, "it stands in gateway.toml; a policy file holds roles only");
    }
    for (const Node* node : file.tables("role")) {
      spec_.roles.push_back(role(TableReader(problems_, *node, "[[role]]")));
    }
    file.finish();
  }

 private:
  [[nodiscard]] policy::RoleSpec role(TableReader table) const {
    policy::RoleSpec role;
    role.origin = problems_.origin(table.at());
    const std::size_t before = problems_.count();
    role.name = name(table, "name", "sensor");
    role.incomplete = problems_.count() != before;
    if (auto match = table.table("match")) role.match = match_of(*match);
    role.client_id = table.string("client_id");
    if (auto limits = table.table("limits")) {
      role.limits = rate_limit(*limits);
      Bounds bounds = unbounded();
      if (read_bounds(*limits, bounds, BoundsOf::role)) role.bounds = bounds;
      not_empty(*limits, "write for example messages = \"20/s\"");
      limits->finish();
    }
    role.on_deny = on_deny(table, role.on_deny);
    for (const Node* node : table.tables("allow")) {
      role.rules.push_back(rule(TableReader(problems_, *node, "[[role.allow]]"), false, role));
    }
    for (const Node* node : table.tables("deny")) {
      role.rules.push_back(rule(TableReader(problems_, *node, "[[role.deny]]"), true, role));
    }
    table.finish();
    return role;
  }

  [[nodiscard]] static policy::MatchSpec match_of(TableReader& table) {
    policy::MatchSpec match;
    for (std::size_t i = 0; i < kAttributes.size(); ++i) {
      match.asked[i] = table.strings(kAttributes[i].match);
    }
    // `match = {}` says "everybody" where somebody forgot to say who.
    not_empty(table, "delete match if the role is for every identity");
    table.finish();
    return match;
  }

  static void not_empty(TableReader& table, std::string_view hint) {
    if (table.empty()) {
      table.problems().add(table.at(), table.where() + " is empty", std::string(hint));
    }
  }

  [[nodiscard]] policy::RuleSpec rule(TableReader table, bool deny,
                                      const policy::RoleSpec& role) const {
    for (const std::string_view key : {"match", "client_id"}) {
      table.explain(
          key,
          "it is a key of [[role]]; what stands below a header belongs to that table, so write it "
          "above the header");
    }
    policy::RuleSpec rule;
    rule.deny = deny;
    rule.origin = problems_.origin(table.at());
    const std::size_t before = problems_.count();
    rule.id = name(table, "id", deny ? "no-internals" : "telemetry");
    rule.publish = table.strings("publish");
    rule.subscribe = table.strings("subscribe");
    rule.incomplete = problems_.count() != before;
    if (const auto qos = table.integer("max_qos", 0, 2)) {
      rule.max_qos = static_cast<std::uint8_t>(*qos);
    }
    rule.retain = table.boolean("retain");
    if (const auto size = table.size("max_payload", 0, kMaxPayload)) {
      rule.max_payload = static_cast<std::uint32_t>(*size);
    }
    if (auto limit = table.table("limit")) {
      rule.limit = rate_limit(*limit);
      not_empty(*limit, "write for example messages = \"10/s\"");
      limit->finish();
    }
    if (table.find("on_deny") != nullptr) rule.on_deny = on_deny(table, role.on_deny);
    table.finish();
    return rule;
  }

  // The whole MiB below what the rest of a packet beside its header may have. 2.2.3
  static constexpr std::uint64_t kMaxPayload = std::uint64_t{255} * 1024 * 1024;

  Problems problems_;
  policy::PolicySpec& spec_;
};

}  // namespace

void read_policy_file(const Node& root, Problems problems, policy::PolicySpec& spec) {
  PolicyFile(problems, spec).read(root);
}

}  // namespace sallyport::config
