#pragma once

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "sallyport/policy.h"

/// Short ways to write a policy, which all tests share.
namespace sallyport::test {

using Filters = std::vector<policy::Text>;

[[nodiscard]] inline policy::RuleSpec allow(std::string id, Filters publish,
                                            Filters subscribe = {}) {
  policy::RuleSpec rule;
  rule.id = std::move(id);
  rule.publish = std::move(publish);
  rule.subscribe = std::move(subscribe);
  return rule;
}

[[nodiscard]] inline policy::RuleSpec deny(std::string id, Filters publish,
                                           Filters subscribe = {}) {
  policy::RuleSpec rule = allow(std::move(id), std::move(publish), std::move(subscribe));
  rule.deny = true;
  return rule;
}

/// A role of everybody's: it has no `match`.
[[nodiscard]] inline policy::RoleSpec role(std::string name,
                                           std::vector<policy::RuleSpec> rules = {}) {
  policy::RoleSpec spec;
  spec.name = std::move(name);
  spec.rules = std::move(rules);
  return spec;
}

/// One role for everybody, with these rules.
[[nodiscard]] inline policy::PolicySpec everybody(std::vector<policy::RuleSpec> rules) {
  return {{role("everybody", std::move(rules))}};
}

/// Compiles; fails the test with the compiler's words if that is not possible.
[[nodiscard]] inline policy::Policy::Ptr compiled(const policy::PolicySpec& spec) {
  auto compiled = policy::Policy::compile(spec);
  if (!compiled) {
    for (const policy::PolicyError& error : compiled.error()) {
      MESSAGE(error.message << " (" << error.hint << ")");
    }
    FAIL("the policy does not compile");
  }
  return *compiled;
}

}  // namespace sallyport::test
