#include <algorithm>
#include <map>

#include "sallyport/policy.h"

#include "policy/compiled.h"
#include "policy/foreign_syntax.h"
#include "policy/limit.h"
#include "policy/validate.h"

namespace sallyport::policy {

namespace {

struct SameMatch {
  bool operator()(const MatchSpec* a, const MatchSpec* b) const { return *a < *b; }
};

/// Turns a valid spec into tables.
class Compiler {
 public:
  explicit Compiler(const PolicySpec& spec) : spec_(spec) {}

  /// False: more than the tables can number.
  [[nodiscard]] bool run() {
    name_rules();
    for (const RoleSpec& role : spec_.roles) {
      if (!add_role(role)) return false;
    }
    tables_.trie.freeze();
    tables_.index = MatchIndex(matches_);
    return true;
  }
  [[nodiscard]] Tables take() { return std::move(tables_); }

 private:
  void name_rules() {
    for (const RoleSpec& role : spec_.roles) {
      for (const RuleSpec& rule : role.rules) tables_.rule_names.push_back(rule.id.value);
    }
    std::sort(tables_.rule_names.begin(), tables_.rule_names.end());
    tables_.rules.resize(tables_.rule_names.size());
  }
  [[nodiscard]] std::uint32_t number_of(const std::string& id) const {
    const auto& names = tables_.rule_names;
    const auto found = std::lower_bound(names.begin(), names.end(), id);
    return static_cast<std::uint32_t>(found - names.begin());
  }

  Group& group_for(const MatchSpec& match) {
    const auto number = static_cast<std::uint32_t>(tables_.groups.size());
    const auto [found, is_new] = group_numbers_.emplace(&match, number);
    if (!is_new) return tables_.groups[found->second];
    tables_.groups.push_back({.matcher = Matcher(match), .roles = {}});
    matches_.push_back(&match);
    return tables_.groups.back();
  }

  std::uint32_t add_limit(const RateSpec& spec, std::string name, bool is_rule) {
    tables_.limits.push_back(to_limit(spec, std::move(name), is_rule));
    return static_cast<std::uint32_t>(tables_.limits.size() - 1);
  }

  bool add_role(const RoleSpec& spec) {
    Role role;
    role.name = spec.name.value;
    if (spec.client_id) {
      std::vector<Problem> none;
      role.binding = parse_binding(spec.client_id->value, none);
    }
    if (spec.limits) role.limit = add_limit(*spec.limits, spec.name.value + ".limits", false);
    if (spec.bounds) {
      role.bounds = static_cast<std::uint32_t>(tables_.bounds.size());
      tables_.bounds.push_back(*spec.bounds);
    }
    role.on_deny = to_actions(spec.on_deny);

    Group& group = group_for(spec.match);
    group.roles.push_back(static_cast<std::uint32_t>(tables_.roles.size()));
    tables_.roles.push_back(std::move(role));
    return std::all_of(spec.rules.begin(), spec.rules.end(),
                       [&](const RuleSpec& rule) { return add_rule(rule, spec, group); });
  }

  bool add_rule(const RuleSpec& spec, const RoleSpec& role, Group& group) {
    const std::uint32_t number = number_of(spec.id.value);
    Rule& rule = tables_.rules[number];
    rule.deny = spec.deny;
    rule.no_retain = spec.retain == false;
    rule.max_qos = spec.max_qos.value_or(2);
    rule.max_payload = spec.max_payload.value_or(UINT32_MAX);
    rule.on_deny = to_actions(spec.on_deny.value_or(role.on_deny));
    if (spec.limit) rule.limit = add_limit(*spec.limit, spec.id.value, true);
    if (spec.inspection.inspector != nullptr) {
      rule.inspection = static_cast<std::uint32_t>(tables_.inspections.size());
      tables_.inspections.push_back(spec.inspection);
    }
    return add_filters(spec.publish, number, group, group.publish) &&
           add_filters(spec.subscribe, number, group, group.subscribe);
  }

  /// `root` is the one of the group's roots that the filters belong to.
  bool add_filters(const std::vector<Text>& filters, std::uint32_t rule, Group& group,
                   Trie::Index& root) {
    if (!filters.empty() && root == Trie::kNone) root = tables_.trie.add_root();
    std::vector<Problem> none;  // validate() has looked for them
    return std::all_of(filters.begin(), filters.end(), [&](const Text& filter) {
      const FilterLevels levels = parse_filter(without_literal_mark(filter.value), none);
      for (const FilterLevel& level : levels) {
        if (level.kind != FilterLevel::Kind::pattern) continue;
        group.placeholders =
            std::max(group.placeholders, static_cast<AttributeNumber>(level.pattern.attribute + 1));
      }
      return tables_.trie.add(root, levels, rule);
    });
  }

  const PolicySpec& spec_;
  Tables tables_;
  std::map<const MatchSpec*, std::uint32_t, SameMatch> group_numbers_;
  std::vector<const MatchSpec*> matches_;  // by group number
};

}  // namespace

std::expected<Policy::Ptr, std::vector<PolicyError>> Policy::compile(const PolicySpec& spec) {
  auto validation = validate(spec);
  if (!validation.errors.empty() || validation.incomplete) {
    return std::unexpected(std::move(validation.errors));
  }
  Compiler compiler(spec);
  if (!compiler.run()) {
    std::vector<PolicyError> errors(1);
    errors.front().message = "the policy is too large";
    errors.front().hint = "fewer rules: at most two thousand million topic levels";
    return std::unexpected(std::move(errors));
  }
  return Ptr(new Policy(std::make_unique<const Compiled>(compiler.take())));
}

Policy::Policy(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Policy::~Policy() = default;

const RateLimit& Policy::limit(std::uint32_t index) const { return compiled_->limits.at(index); }
std::size_t Policy::role_count() const { return compiled_->roles.size(); }
std::size_t Policy::rule_count() const { return compiled_->rules.size(); }
std::span<const std::string> Policy::rule_names() const { return compiled_->rule_names; }

}  // namespace sallyport::policy
