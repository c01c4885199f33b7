// What the policy language says of rules: who decides, what conditions ask, what order means.
#include <algorithm>

#include "given.h"

namespace sallyport::policy {
namespace {

TEST_CASE("without an allow rule the answer is no") {
  const Client client({role("sensor", {allow("telemetry", {"plant/+/telemetry/#"})})});
  CHECK(words(client.publishes("plant/7/telemetry/temp")) == "allowed by telemetry");
  CHECK(words(client.publishes("plant/7/telemetry")) == "allowed by telemetry");
  CHECK(words(client.publishes("plant/7/cmd")) == kNoRule);
  CHECK(words(client.publishes("plant/7")) == kNoRule);
  CHECK(words(client.publishes("plant")) == kNoRule);
  CHECK_FALSE(client.publishes("plant/7/cmd").cause.is_rule);
  CHECK(client.publishes("plant/7/telemetry").cause.is_rule);
}

TEST_CASE("a role without rules admits and allows nothing") {
  const Client client({role("guest")});
  CHECK(words(client.publishes("a")) == kNoRule);
  CHECK(words(client.gets("a")) == kNoRule);
  CHECK(words(client.subscribes("a")) == kNoRule);
  CHECK(words(client->check_response_topic("a")) == kNoRule);
}

TEST_CASE("a policy without roles admits nobody") {
  const auto policy = compiled({});
  const Identity identity = device();
  const auto admitted = Policy::admit(policy, identity, mqtt::Version::v5);
  REQUIRE_FALSE(admitted.has_value());
  CHECK(words(admitted.error()) == "refused by policy.no-role: disconnect 0x87");
}

TEST_CASE("a deny rule beats an allow rule") {
  const Client client({role(
      "sensor", {allow("all", {"#"}), deny("not-b", {"b/#"}), allow("b-after-all", {"b/c"})})});
  CHECK(words(client.publishes("a")) == "allowed by all");
  CHECK(words(client.publishes("b/c")) == "refused by not-b: drop 0x87");
}

TEST_CASE("publish rules say nothing of reading, and subscribe rules nothing of publishing") {
  RuleSpec either = allow("either", {"both"});
  either.subscribe = {"both"};
  const Client client(
      {role("sensor", {allow("out", {"out/#"}), either, allow("in", {}, {"in/#"}),
                       deny("no-publish", {"in/secret"}), deny("no-read", {}, {"out/secret"})})});
  CHECK(words(client.publishes("out/x")) == "allowed by out");
  CHECK(words(client.gets("out/x")) == kNoRule);
  CHECK(words(client.subscribes("out/x")) == kNoRule);
  CHECK(words(client.gets("in/x")) == "allowed by in");
  CHECK(words(client.publishes("in/x")) == kNoRule);
  CHECK(words(client.publishes("both")) == "allowed by either");
  CHECK(words(client.gets("both")) == "allowed by either");
  CHECK(words(client.subscribes("both")) == "allowed by either");
  CHECK(words(client.gets("in/secret")) == "allowed by in");
  CHECK(words(client.publishes("out/secret")) == "allowed by out");
}

TEST_CASE("order does not matter, within a role and between roles") {
  std::vector<RuleSpec> rules = {allow("c", {"x/#"}), allow("a", {"x/+"}), deny("d", {"x/no"}),
                                 allow("b", {"x/y"})};
  std::sort(rules.begin(), rules.end(),
            [](const auto& one, const auto& two) { return one.id < two.id; });
  do {
    const Client together({role("r", rules)});
    const Client apart({role("s", {rules[0], rules[1]}), role("r", {rules[2], rules[3]})});
    for (const Client* client : {&together, &apart}) {
      // Of several that allow, the first by id is named.
      CHECK(words(client->publishes("x/y")) == "allowed by a");
      CHECK(words(client->publishes("x/y/z")) == "allowed by c");
      CHECK(words(client->publishes("x/no")) == "refused by d: drop 0x87");
    }
  } while (std::next_permutation(rules.begin(), rules.end(),
                                 [](const auto& one, const auto& two) { return one.id < two.id; }));
}

TEST_CASE("the rules of several roles add up") {
  RoleSpec other = role("other", {allow("b", {"b"}), deny("no-c", {"c"})});
  other.match["listener"] = {"devices"};
  RoleSpec foreign = role("foreign", {allow("d", {"d"}), deny("no-a", {"a"})});
  foreign.match["listener"] = {"elsewhere"};
  const Client client({role("one", {allow("a", {"a"}), allow("c", {"c"})}), other, foreign});
  CHECK(words(client.publishes("a")) == "allowed by a");
  CHECK(words(client.publishes("b")) == "allowed by b");
  CHECK(words(client.publishes("c")) == "refused by no-c: drop 0x87");
  CHECK(words(client.publishes("d")) == kNoRule);
}

TEST_CASE("conditions hold a PUBLISH from the client, and a delivery to it") {
  RuleSpec rule = allow("narrow", {"t"});
  rule.subscribe = {"t"};
  rule.max_qos = 1;
  rule.retain = false;
  rule.max_payload = 100;
  const Client client({role("sensor", {rule})});
  const struct {
    PublishRequest request;
    std::string_view verdict;
  } rows[] = {
      {{"t", 0, false, 0}, "allowed by narrow"},
      {{"t", 1, false, 100}, "allowed by narrow"},
      {{"t", 2, false, 0}, "refused by narrow: drop 0x87"},
      {{"t", 0, true, 0}, "refused by narrow: drop 0x87"},
      {{"t", 0, false, 101}, "refused by narrow: drop 0x83"},
      {{"t", 0, false, UINT32_MAX}, "refused by narrow: drop 0x83"},
      // What is refused for more than one reason names the right before the size.
      {{"t", 2, true, 101}, "refused by narrow: drop 0x87"},
  };
  for (const auto& row : rows) {
    CHECK(words(client->check_publish(row.request)) == row.verdict);
    CHECK(words(client->check_delivery(row.request)) == row.verdict);
  }
}

TEST_CASE("a condition left out restricts nothing, and neither does retain = true") {
  RuleSpec retained = allow("retained", {"r"});
  retained.retain = true;
  const Client client({role("sensor", {allow("open", {"o"}), retained})});
  for (const bool retain : {false, true}) {
    CHECK(words(client->check_publish({"r", 2, retain, UINT32_MAX})) == "allowed by retained");
    CHECK(words(client->check_publish({"o", 2, retain, UINT32_MAX})) == "allowed by open");
  }
}

TEST_CASE("max_qos also holds the QoS that a SUBSCRIBE asks for") {
  RuleSpec rule = allow("slow", {}, {"t/#"});
  rule.max_qos = 1;
  rule.retain = false;
  rule.max_payload = 1;
  const Client client({role("sensor", {rule})});
  CHECK(words(client.subscribes("t/+", 1)) == "allowed by slow");
  CHECK(words(client.subscribes("t/+", 2)) == "refused by slow: drop 0x87");
}

TEST_CASE("one allow rule that passes is enough, whatever the others ask") {
  RuleSpec small = allow("a-small", {"t"});
  small.max_payload = 10;
  RuleSpec larger = allow("b-larger", {"t"});
  larger.max_payload = 20;
  const Client client({role("sensor", {small, larger})});
  CHECK(words(client->check_publish({"t", 0, false, 10})) == "allowed by a-small");
  CHECK(words(client->check_publish({"t", 0, false, 11})) == "allowed by b-larger");
  // Of those that fail in the same way the first by id is named.
  CHECK(words(client->check_publish({"t", 0, false, 21})) == "refused by a-small: drop 0x83");
}

TEST_CASE("of the rules that pass, one without a limit is taken first, then the first by id") {
  RuleSpec limited_a = allow("a", {"t"});
  limited_a.limit = messages(1);
  RuleSpec limited_b = allow("b", {"#"});
  limited_b.limit = messages(2);
  RuleSpec unlimited = allow("c", {"t"});
  unlimited.max_payload = 10;
  const Client client({role("sensor", {limited_b, unlimited, limited_a})});

  const Verdict small = client.publishes("t");
  CHECK(words(small) == "allowed by c");
  CHECK(small.limit == kNoLimit);

  const Verdict large = client->check_publish({"t", 0, false, 11});
  CHECK(words(large) == "allowed by a");
  REQUIRE(large.limit != kNoLimit);
  CHECK(client->policy()->limit(large.limit).name == "a");
  CHECK(client->policy()->limit(large.limit).is_rule);

  const Verdict other = client.publishes("u");
  REQUIRE(other.limit != kNoLimit);
  CHECK(client->policy()->limit(other.limit).messages->count == 2);
}

TEST_CASE("a rule's limit counts messages: not a SUBSCRIBE, not a Response Topic") {
  RuleSpec rule = allow("t", {"t"});
  rule.subscribe = {"t"};
  rule.limit = messages(1);
  const Client client({role("sensor", {rule})});
  CHECK(client.publishes("t").limit != kNoLimit);
  CHECK(client.gets("t").limit == client.publishes("t").limit);
  CHECK(client.subscribes("t").limit == kNoLimit);
  CHECK(client->check_response_topic("t").limit == kNoLimit);
}

TEST_CASE("a Response Topic is checked as a publish, by its topic alone") {
  RuleSpec rule = allow("reply", {"reply/+"});
  rule.max_qos = 0;
  rule.retain = false;
  rule.max_payload = 0;
  const Client client(
      {role("sensor", {rule, allow("read", {}, {"#"}), deny("not-me", {"reply/admin"})})});
  CHECK(words(client->check_response_topic("reply/7")) == "allowed by reply");
  CHECK(words(client->check_response_topic("reply/admin")) == "refused by not-me: drop 0x87");
  CHECK(words(client->check_response_topic("other")) == kNoRule);
}

TEST_CASE("a topic that begins with $ needs a rule that names it") {  // CVE-2018-12543
  const Client client(
      {role("sensor", {allow("all", {"#", "+/#", "+/broker/#"}), allow("named", {"$site/#"}),
                       deny("no-wild", {"+/secret"})})});
  CHECK(words(client.publishes("$SYS/broker/x")) == kNoRule);
  CHECK(words(client.publishes("$unknown")) == kNoRule);
  CHECK(words(client.publishes("$")) == kNoRule);
  CHECK(words(client.publishes("a/$SYS")) == "allowed by all");
  CHECK(words(client.publishes("$site/x")) == "allowed by named");
  // It is the same for a deny rule: a wildcard in front does not reach `$`. [MQTT-4.7.2-1]
  CHECK(words(client.publishes("$site/secret")) == "allowed by named");
  CHECK(words(client.publishes("site/secret")) == "refused by no-wild: drop 0x87");
}

TEST_CASE("empty levels are levels") {
  const Client client({role("sensor", {allow("slash", {"/", "a//b", "x/+"})})});
  CHECK(client.publishes("/").allowed);
  CHECK(client.publishes("a//b").allowed);
  CHECK(client.publishes("x/").allowed);
  CHECK_FALSE(client.publishes("//").allowed);
  CHECK_FALSE(client.publishes("a/b").allowed);
  CHECK_FALSE(client.publishes("x").allowed);
}

TEST_CASE("what is no topic is refused, even where refusals are only reported") {
  RoleSpec lenient = role("lenient", {allow("all", {"#"}), allow("read", {}, {"#"})});
  lenient.on_deny = both(Action::report);
  const Client client({lenient});
  const std::string longest(65'535, 'a');
  CHECK(words(client.publishes(longest)) == "allowed by all");
  CHECK(words(client.publishes(longest + "a")) == kNoRule);
  CHECK(words(client.publishes("")) == kNoRule);
  CHECK(words(client.subscribes("")) == kNoRule);
}

TEST_CASE("topics may have more levels than any rule") {
  const Client client({role("sensor", {allow("deep", {"a/#"}), allow("flat", {"b/+/+"})})});
  std::string slashes(65'534, '/');
  CHECK(client.publishes("a" + slashes).allowed);
  CHECK_FALSE(client.publishes("b" + slashes).allowed);
  std::string filter = "a";  // as many levels as a rule's filter may have
  for (int i = 1; i < 128; ++i) filter += "/+";
  const Client deepest({role("sensor", {allow("deepest", {filter})})});
  std::string topic = "a";
  for (int i = 1; i < 128; ++i) topic += "/x";
  CHECK(deepest.publishes(topic).allowed);
  CHECK_FALSE(deepest.publishes(topic + "/x").allowed);
  CHECK_FALSE(deepest.publishes(topic.substr(0, topic.size() - 2)).allowed);
}

TEST_CASE("of the limits of several roles the strictest counts") {
  RoleSpec one = role("one");
  one.limits = messages(10);
  one.bounds = unbounded();
  one.bounds->max_packet = 4096;
  one.bounds->max_filters = 5;
  RoleSpec two = role("two");
  two.match["username"] = {"ursula"};
  two.bounds = unbounded();
  two.bounds->max_packet = 1024;
  two.bounds->min_keep_alive = 30;
  RoleSpec three = role("three");
  three.match["listener"] = {"devices"};
  three.limits = messages(5);
  three.limits->burst = 7;
  three.limits->on_exceed = Action::drop;
  const Client client({one, two, three});

  Bounds listener;
  CHECK(client->bounds(listener).max_packet == 1024);
  listener.max_packet = 512;  // a role lowers a listener's limit and never raises it
  CHECK(client->bounds(listener).max_packet == 512);
  CHECK(client->bounds(listener).max_filters == 5);
  CHECK(client->bounds(listener).min_keep_alive == 30);
  CHECK(client->bounds(listener).max_topic_levels == listener.max_topic_levels);

  std::vector<std::string> names;
  for (const std::uint32_t index : client->role_limits()) {
    names.push_back(client->policy()->limit(index).name);
  }
  CHECK(names == std::vector<std::string>{"one.limits", "three.limits"});
  const RateLimit& strict = client->policy()->limit(client->role_limits()[1]);
  CHECK(strict.burst == 7);
  CHECK(strict.on_exceed == Action::drop);
  CHECK_FALSE(strict.is_rule);
}

TEST_CASE("a policy tells its names and numbers") {
  const auto policy = compiled(
      {role("one", {allow("b", {"b"}), deny("a", {"a"})}), role("two", {allow("c", {}, {"c"})})});
  CHECK(policy->role_count() == 2);
  CHECK(policy->rule_count() == 3);
  const auto names = policy->rule_names();
  CHECK(std::vector<std::string>(names.begin(), names.end()) ==
        std::vector<std::string>{"a", "b", "c"});
}

}  // namespace
}  // namespace sallyport::policy
