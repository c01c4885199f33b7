// What is done about a refusal: drop, disconnect, report; per rule, per role, per protocol.
#include "given.h"

namespace sallyport::policy {
namespace {

RuleSpec with(RuleSpec rule, Action action) {
  rule.on_deny = both(action);
  return rule;
}
RoleSpec with(RoleSpec spec, Action action) {
  spec.on_deny = both(action);
  return spec;
}
RuleSpec small(std::string id, Filters filters) {
  RuleSpec rule = allow(std::move(id), std::move(filters));
  rule.max_payload = 10;
  return rule;
}

TEST_CASE("a rule's on_deny goes before its role's") {
  const std::vector<RuleSpec> rules = {allow("all", {"a/#"}), deny("as-role", {"a/role"}),
                                       with(deny("own", {"a/own"}), Action::drop),
                                       with(small("narrow", {"b"}), Action::drop),
                                       small("narrow-as-role", {"c"})};
  const Client client({with(role("r", rules), Action::disconnect)});
  CHECK(words(client.publishes("a/role")) == "refused by as-role: disconnect 0x87");
  CHECK(words(client.publishes("a/own")) == "refused by own: drop 0x87");
  CHECK(words(client->check_publish({"b", 0, false, 11})) == "refused by narrow: drop 0x83");
  CHECK(words(client->check_publish({"c", 0, false, 11})) ==
        "refused by narrow-as-role: disconnect 0x83");
  CHECK(words(client.publishes("elsewhere")) == "refused by policy.no-rule: disconnect 0x87");
}

TEST_CASE("on_deny may differ between 3.x and 5") {
  RoleSpec spec = role("r", {allow("all", {"a/#"}), deny("no", {"a/b"})});
  spec.on_deny = {Action::disconnect, Action::drop};
  spec.rules[1].on_deny = OnDeny{Action::report, Action::disconnect};
  const auto policy = compiled({spec});
  for (const auto version : {mqtt::Version::v3_1, mqtt::Version::v3_1_1}) {
    const Client old(policy, device(), version);
    CHECK(words(old.publishes("x")) == "refused by policy.no-rule: disconnect 0x87");
    CHECK(words(old.publishes("a/b")) == "allowed by all, reported no 0x87");
  }
  const Client recent(policy, device(), mqtt::Version::v5);
  CHECK(words(recent.publishes("x")) == "refused by policy.no-rule: drop 0x87");
  CHECK(words(recent.publishes("a/b")) == "refused by no: disconnect 0x87");
}

TEST_CASE("of the roles' on_deny the strictest counts where no rule covers a topic") {
  const auto answer = [](std::vector<Action> actions) {
    std::vector<RoleSpec> roles;
    for (const Action action : actions) {
      roles.push_back(with(role("r" + std::to_string(roles.size())), action));
    }
    return words(Client(std::move(roles)).publishes("x"));
  };
  using enum Action;
  const std::string reported = "allowed by policy.no-rule, reported policy.no-rule 0x87";
  const std::string dropped = "refused by policy.no-rule: drop 0x87";
  const std::string ended = "refused by policy.no-rule: disconnect 0x87";
  CHECK(answer({report}) == reported);
  CHECK(answer({report, report}) == reported);
  CHECK(answer({report, drop}) == dropped);
  CHECK(answer({drop, report}) == dropped);
  CHECK(answer({drop, disconnect, report}) == ended);
  CHECK(answer({disconnect, drop}) == ended);
}

TEST_CASE("of several deny rules the strictest decides, then the first by id") {
  const Client client(
      {role("r", {allow("all", {"#"}), with(deny("a-report", {"t/#"}), Action::report),
                  with(deny("b-drop", {"t/+", "t/x/y"}), Action::drop),
                  with(deny("c-drop", {"t/+"}), Action::drop),
                  with(deny("d-end", {"t/x/#"}), Action::disconnect)})});
  CHECK(words(client.publishes("t")) == "allowed by all, reported a-report 0x87");
  CHECK(words(client.publishes("t/b")) == "refused by b-drop: drop 0x87");
  CHECK(words(client.publishes("t/x/y")) == "refused by d-end: disconnect 0x87");
}

TEST_CASE("a reported deny rule still needs an allow rule") {
  const Client client(
      {role("r", {allow("own", {"a"}), with(deny("watch", {"#"}), Action::report)})});
  CHECK(words(client.publishes("a")) == "allowed by own, reported watch 0x87");
  CHECK(words(client.publishes("b")) == "refused by policy.no-rule: drop 0x87");
}

TEST_CASE("a reported deny rule does not soften another one") {
  const Client client({role(
      "r", {allow("own", {"#"}), with(deny("watch", {"#"}), Action::report), deny("no", {"b"})})});
  CHECK(words(client.publishes("b")) == "refused by no: drop 0x87");
}

TEST_CASE("a reported condition counts as allowed") {
  const Client client({role("r", {with(small("narrow", {"t"}), Action::report)})});
  CHECK(words(client->check_publish({"t", 0, false, 10})) == "allowed by narrow");
  CHECK(words(client->check_publish({"t", 0, false, 11})) ==
        "allowed by narrow, reported narrow 0x83");
}

TEST_CASE("a condition that one rule reports is not refused by another") {
  const Client client({role("r", {with(small("a-strict", {"t"}), Action::disconnect),
                                  with(small("b-watch", {"t"}), Action::report)})});
  CHECK(words(client->check_publish({"t", 0, false, 11})) ==
        "allowed by b-watch, reported b-watch 0x83");
}

TEST_CASE("nothing is reported where a rule allows without failing") {
  const Client client(
      {role("r", {with(small("a-watch", {"t"}), Action::report), allow("b-open", {"t"})})});
  CHECK(words(client->check_publish({"t", 0, false, 11})) == "allowed by b-open");
}

TEST_CASE("a rule whose condition was reported still has its limit") {
  RuleSpec rule = with(small("watch", {"t"}), Action::report);
  rule.limit = messages(1);
  const Client client({role("r", {rule})});
  const Verdict verdict = client->check_publish({"t", 0, false, 11});
  CHECK(words(verdict) == "allowed by watch, reported watch 0x83");
  REQUIRE(verdict.limit != kNoLimit);
  CHECK(client->policy()->limit(verdict.limit).name == "watch");
}

TEST_CASE("of several failing conditions the strictest decides, then the first by id") {
  const Client client({role("r", {with(small("a", {"t", "u"}), Action::drop), small("b", {"t"}),
                                  with(small("c", {"u"}), Action::disconnect)})});
  CHECK(words(client->check_publish({"t", 0, false, 11})) == "refused by a: drop 0x83");
  CHECK(words(client->check_publish({"u", 0, false, 11})) == "refused by c: disconnect 0x83");
}

TEST_CASE("where a deny rule and a condition are both reported, the deny rule is named") {
  const Client client(
      {with(role("r", {small("narrow", {"t"}), deny("watch", {"t"}), deny("look", {"u"})}),
            Action::report)});
  CHECK(words(client->check_publish({"t", 0, false, 11})) ==
        "allowed by narrow, reported watch 0x87");
  CHECK(words(client.publishes("u")) == "allowed by policy.no-rule, reported look 0x87");
}

TEST_CASE("report is for subscriptions and deliveries too") {
  const Client client(
      {with(role("r", {allow("in", {}, {"in/#"}), deny("watch", {}, {"in/x"})}), Action::report)});
  CHECK(words(client.subscribes("in/x")) == "allowed by in, reported watch 0x87");
  CHECK(words(client.gets("in/x")) == "allowed by in, reported watch 0x87");
  CHECK(words(client.subscribes("#")) == "allowed by policy.no-rule, reported policy.no-rule 0x87");
  CHECK(words(client.gets("out")) == "allowed by policy.no-rule, reported policy.no-rule 0x87");
}

}  // namespace
}  // namespace sallyport::policy
