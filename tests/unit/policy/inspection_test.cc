// Which of several allow rules counts where one of them wants to see the payload.

#include "given.h"

namespace sallyport::policy {
namespace {

struct Anything final : Inspector {
  std::optional<mqtt::ReasonCode> refuse(std::string_view, Bytes) const override {
    return std::nullopt;
  }
};

RuleSpec inspected(std::string id, Filters filters, std::uint32_t most = 100) {
  RuleSpec rule = allow(std::move(id), std::move(filters));
  rule.inspection = {std::make_shared<Anything>(), most};
  return rule;
}

/// A verdict, and the policy that its names live in.
struct Asked : Verdict {
  Policy::Ptr policy;
};

Asked asked(std::vector<RuleSpec> rules, PublishRequest request = {{.topic = "a"}}) {
  const auto policy = compiled({role("sensor", std::move(rules))});
  const Identity identity = device();
  const auto grants = Policy::admit(policy, identity, mqtt::Version::v5);
  REQUIRE(grants.has_value());
  const Verdict verdict = grants->check_publish(request);
  if (verdict.inspect != nullptr) CHECK(verdict.inspect->inspector != nullptr);
  return {verdict, policy};
}

TEST_CASE("a rule that inspects is one that allows, and says so") {
  const auto policy = compiled({role("sensor", {inspected("eye", {"a"}, 77)})});
  const Identity identity = device();
  const auto grants = Policy::admit(policy, identity, mqtt::Version::v5);
  const Verdict verdict = grants->check_publish({{.topic = "a"}});
  CHECK(verdict.allowed);
  REQUIRE(verdict.inspect != nullptr);
  CHECK(verdict.inspect->max_bytes == 77);
  CHECK(verdict.action == Action::drop);
  CHECK(grants->check_response_topic("a").inspect == nullptr);  // no message, no payload
}

TEST_CASE("the cheapest rule counts: free, limited, inspected, both") {
  RuleSpec free = allow("z-free", {"a"});
  RuleSpec limited = allow("y-limited", {"a"});
  limited.limit = messages(1);
  const RuleSpec eye = inspected("x-eye", {"a"});
  RuleSpec both_of_them = inspected("w-both", {"a"});
  both_of_them.limit = messages(1);
  CHECK(asked({both_of_them, eye, limited, free}).cause.name == "z-free");
  CHECK(asked({both_of_them, eye, limited}).cause.name == "y-limited");
  CHECK(asked({both_of_them, eye, limited}).inspect == nullptr);
  CHECK(asked({both_of_them, eye}).cause.name == "x-eye");
  const Asked last = asked({both_of_them});
  CHECK(last.limit != kNoLimit);
  CHECK(last.inspect != nullptr);
  // A free rule that does not cover the message does not count.
  free.max_payload = 3;
  CHECK(asked({eye, free}, {{.topic = "a"}, 3}).cause.name == "z-free");
  CHECK(asked({eye, free}, {{.topic = "a"}, 4}).cause.name == "x-eye");
}

TEST_CASE("what is to be done where the inspector refuses is the rule's") {
  RuleSpec eye = inspected("eye", {"a"});
  eye.on_deny = both(Action::disconnect);
  CHECK(asked({eye}).action == Action::disconnect);
  eye.on_deny = both(Action::report);
  CHECK(asked({eye}).action == Action::report);
  CHECK(asked({eye, deny("no", {"a"})}).inspect == nullptr);
}

TEST_CASE("a deny rule has nothing to inspect") {
  RuleSpec rule = inspected("eye", {"a"});
  rule.deny = true;
  const auto policy = Policy::compile({{role("sensor", {rule})}});
  REQUIRE_FALSE(policy.has_value());
  CHECK(policy.error().front().message.find("inspection") != std::string::npos);
}

TEST_CASE("no rule may be called like a check of the login") {
  const auto policy = Policy::compile({{role("sensor", {allow("login.mine", {"a"})})}});
  CHECK_FALSE(policy.has_value());
}

}  // namespace
}  // namespace sallyport::policy
