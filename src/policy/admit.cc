#include <algorithm>
#include <array>

#include "sallyport/policy.h"

#include "policy/compiled.h"
#include "policy/subject.h"

namespace sallyport::policy {

namespace {

Verdict refusal(Check check, mqtt::ReasonCode reason) {
  Verdict verdict;
  verdict.cause = {to_string(check), false};
  verdict.action = Action::disconnect;
  verdict.reason = reason;
  return verdict;
}

bool holds(const Binding& binding, const Subject& subject) {
  const std::string& client_id = subject.identity().client_id;
  // An empty one is not bound yet: the broker will choose it, and no rule can know which.
  if (client_id.empty()) return false;
  return binding.pattern ? fits(*binding.pattern, client_id, subject.substitutes())
                         : client_id == binding.literal;
}

}  // namespace

std::expected<Grants, Verdict> Policy::admit(const Ptr& policy, const Identity& identity,
                                             mqtt::Version version) {
  const Tables& tables = *policy->compiled_;
  const Subject subject(identity);
  Grants grants;
  grants.policy_ = policy;
  grants.version_ = version;
  grants.no_rule_ = Action::report;

  std::array<std::vector<std::uint32_t>, Grants::kLists> lists;
  const auto list = [&lists](Grants::List which) -> std::vector<std::uint32_t>& {
    return lists[static_cast<std::size_t>(which)];
  };
  std::size_t placeholders = 0;
  for (const std::uint32_t number : tables.index.candidates(subject)) {
    const Group& group = tables.groups[number];
    if (!group.matcher.holds(subject)) continue;
    placeholders = std::max<std::size_t>(placeholders, group.placeholders);
    if (group.publish != Trie::kNone) list(Grants::List::publish).push_back(group.publish);
    if (group.subscribe != Trie::kNone) list(Grants::List::subscribe).push_back(group.subscribe);
    for (const std::uint32_t index : group.roles) {
      const Role& role = tables.roles[index];
      if (role.binding && !holds(*role.binding, subject)) {
        return std::unexpected(
            refusal(Check::client_id_binding, mqtt::ReasonCode::client_identifier_not_valid));
      }
      if (role.limit != kNoLimit) list(Grants::List::limits).push_back(role.limit);
      grants.no_rule_ = stricter(grants.no_rule_, role.on_deny[generation(version)]);
      list(Grants::List::roles).push_back(index);
    }
  }
  if (list(Grants::List::roles).empty()) {
    return std::unexpected(refusal(Check::no_role, mqtt::ReasonCode::not_authorized));
  }

  std::ranges::sort(list(Grants::List::limits));
  std::ranges::sort(list(Grants::List::roles));
  std::size_t total = 0;
  for (const auto& numbers : lists) total += numbers.size();
  grants.numbers_.reserve(total);
  for (std::size_t i = 0; i < lists.size(); ++i) {
    grants.numbers_.insert(grants.numbers_.end(), lists[i].begin(), lists[i].end());
    grants.ends_[i] = static_cast<std::uint32_t>(grants.numbers_.size());
  }
  const Substitutes used = subject.substitutes().first(placeholders);
  grants.values_.assign(used.begin(), used.end());
  return grants;
}

std::string_view Grants::role_names(std::string& several) const {
  const std::span<const std::uint32_t> roles = numbers(List::roles);
  const Tables& tables = *policy_->compiled_;
  if (roles.size() == 1) return tables.roles[roles.front()].name;
  for (const std::uint32_t role : roles) {
    if (!several.empty()) several += '+';
    several += tables.roles[role].name;
  }
  return several;
}

}  // namespace sallyport::policy
