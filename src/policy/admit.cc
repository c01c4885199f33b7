#include <algorithm>

#include "sallyport/policy.h"

#include "policy/compiled.h"
#include "policy/strictness.h"

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
  return binding.pattern ? fits(*binding.pattern, client_id, subject)
                         : client_id == binding.literal;
}

}  // namespace

std::expected<Grants, Verdict> Policy::admit(const Ptr& policy, const Identity& identity,
                                             mqtt::Version version) {
  const Tables& tables = *policy->compiled_;
  const Subject subject(identity);
  Grants grants;
  grants.policy_ = policy;
  grants.identity_ = &identity;
  grants.usable_ = subject.usable();
  grants.version_ = version;
  grants.no_rule_ = Action::report;

  const Candidate candidate(identity);
  for (const std::uint32_t number : tables.index.candidates(identity)) {
    const Group& group = tables.groups[number];
    if (!group.matcher.holds(candidate)) continue;
    if (group.publish != Trie::kNone) grants.publish_.push_back(group.publish);
    if (group.subscribe != Trie::kNone) grants.subscribe_.push_back(group.subscribe);
    for (const std::uint32_t index : group.roles) {
      const Role& role = tables.roles[index];
      if (role.binding && !holds(*role.binding, subject)) {
        return std::unexpected(
            refusal(Check::client_id_binding, mqtt::ReasonCode::client_identifier_not_valid));
      }
      if (role.limit != kNoLimit) grants.role_limits_.push_back(role.limit);
      grants.no_rule_ = stricter(grants.no_rule_, role.on_deny[generation(version)]);
      grants.roles_.push_back(index);
    }
  }
  if (grants.roles_.empty()) {
    return std::unexpected(refusal(Check::no_role, mqtt::ReasonCode::not_authorized));
  }
  return grants;
}

}  // namespace sallyport::policy
