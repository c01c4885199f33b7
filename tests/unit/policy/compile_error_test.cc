// What compile() refuses: a table of one mistake each, and how many come at once.
#include <functional>

#include "given.h"

namespace sallyport::policy {
namespace {

std::vector<PolicyError> errors_of(const PolicySpec& spec) {
  auto policy = Policy::compile(spec);
  return policy ? std::vector<PolicyError>{} : std::move(policy.error());
}

/// A role and a rule in which nothing is wrong, each with an origin of its own.
PolicySpec good() {
  RoleSpec spec = role("sensor", {allow("telemetry", {"plant/${client_id}/#"})});
  spec.origin = {"plant.toml", 3, 1};
  spec.rules[0].origin = {"plant.toml", 9, 1};
  return {{spec}};
}

struct Mistake {
  const char* name;
  std::function<void(PolicySpec&)> make;
  const char* message;     // part of the message
  const char* hint;        // part of the hint
  std::uint32_t line = 9;  // where it is said to stand
};

RoleSpec& the_role(PolicySpec& spec) { return spec.roles[0]; }
RuleSpec& the_rule(PolicySpec& spec) { return spec.roles[0].rules[0]; }

auto filter(std::string text) {
  return [text = std::move(text)](PolicySpec& spec) { the_rule(spec).publish = {text}; };
}
auto subscribe(std::string text) {
  return [text = std::move(text)](PolicySpec& spec) { the_rule(spec).subscribe = {text}; };
}
auto binding(std::string text) {
  return [text = std::move(text)](PolicySpec& spec) { the_role(spec).client_id = text; };
}
auto rule_id(std::string text) {
  return [text = std::move(text)](PolicySpec& spec) { the_rule(spec).id = text; };
}
auto role_name(std::string text) {
  return [text = std::move(text)](PolicySpec& spec) { the_role(spec).name = text; };
}
auto address(std::string text) {
  return [text = std::move(text)](PolicySpec& spec) { the_role(spec).match["address"] = {text}; };
}
auto in_deny(std::function<void(RuleSpec&)> change) {
  return [change = std::move(change)](PolicySpec& spec) {
    the_rule(spec).deny = true;
    change(the_rule(spec));
  };
}
auto limits(std::function<void(RateSpec&)> change) {
  return [change = std::move(change)](PolicySpec& spec) {
    RateSpec rate = messages(10);
    rate.origin = {"plant.toml", 5, 1};
    change(rate);
    the_role(spec).limits = rate;
  };
}

std::string levels(int count) {
  std::string text = "a";
  for (int i = 1; i < count; ++i) text += "/a";
  return text;
}

const std::vector<Mistake>& mistakes() {
  static const std::vector<Mistake> kMistakes = {
      // names
      {"role name empty", role_name(""), "role name is missing or empty", "1 to 64", 3},
      {"role name with space", role_name("a b"), "role name \"a b\"", "1 to 64", 3},
      {"role name too long", role_name(std::string(65, 'a')), "too long", "1 to 64", 3},
      {"role name not ASCII", role_name("s\xC3\xA4nsor"), "not allowed", "1 to 64", 3},
      {"role name with U+0000", role_name(std::string("a\0b", 3)), "\"a\\x00b\"", "1 to 64", 3},
      {"role name of the checks", role_name("policy"), "kept for the gateway's own checks",
       "choose one", 3},
      {"rule id empty", rule_id(""), "rule id is missing or empty", "1 to 64"},
      {"rule id with slash", rule_id("a/b"), "rule id \"a/b\"", "1 to 64"},
      {"rule id like a check", rule_id("policy.no-rule"), "kept for the gateway's own checks",
       "\"mqtt.\", \"session.\", \"policy.\", "
       "\"connection.\", \"tls.\", \"broker.\" or \"login.\""},
      {"rule id like any check", rule_id("mqtt.mine"), "kept for the gateway's own checks", ""},
      {"rule id like a role's limits", rule_id("sensor.limits"), "limits of a role",
       "choose another"},
      {"rule id twice in a role",
       [](PolicySpec& spec) {
         RuleSpec again = allow("telemetry", {"b"});
         again.origin = {"plant.toml", 20, 1};
         the_role(spec).rules.push_back(again);
       },
       "rule id \"telemetry\" is used twice; first at plant.toml:9:1", "unique over all files", 20},
      {"rule id twice in two files",
       [](PolicySpec& spec) {
         RoleSpec other = role("other", {deny("telemetry", {"b"})});
         other.rules[0].origin = {"other.toml", 30, 1};
         spec.roles.push_back(other);
       },
       "used twice; first at plant.toml:9:1", "unique over all files", 30},
      {"role name twice",
       [](PolicySpec& spec) {
         RoleSpec other = role("sensor");
         other.origin = {"other.toml", 40, 1};
         spec.roles.push_back(other);
       },
       "role name \"sensor\" is used twice; first at plant.toml:3:1", "unique over all files", 40},
      // filters
      {"neither publish nor subscribe", [](PolicySpec& spec) { the_rule(spec).publish.clear(); },
       "rule \"telemetry\" has neither \"publish\" nor \"subscribe\"", "publish = "},
      {"empty filter", filter(""), "empty topic filter", "\"#\" covers"},
      {"empty filter in subscribe", subscribe(""), "empty topic filter", ""},
      {"# in the middle", filter("a/#/b"), "\"#\" before the end of \"a/#/b\"", "last level"},
      {"# inside a level", filter("a/b#"), "wildcard inside level \"b#\"", "stand alone"},
      {"+ inside a level", filter("a/b+/c"), "wildcard inside level \"b+\"", "stand alone"},
      {"two wildcards", filter("a/++"), "wildcard inside level \"++\"", "stand alone"},
      {"wildcard and placeholder", filter("a/+${client_id}"), "wildcard beside a placeholder",
       "stand alone"},
      {"wildcard behind placeholder", subscribe("${client_id}#"), "wildcard beside a placeholder",
       "stand alone"},
      {"not UTF-8", filter("a/\xFF"), "not well-formed UTF-8", "UTF-8"},
      {"U+0000", filter(std::string("a\0", 2)), "U+0000", "UTF-8"},
      {"too long", filter(std::string(65'536, 'a')), "longer than MQTT allows", "65535"},
      {"too many levels", filter(levels(129)), "more than 128 levels", "\"#\""},
      {"shared subscription", subscribe("$share/group/a/#"), "shared subscription",
       "write the filter alone"},
      {"shared subscription without filter", filter("$share"), "shared subscription", ""},
      // placeholders
      {"unknown placeholder", filter("a/${foo}"), "unknown placeholder \"${foo}\"",
       "placeholders are ${client_id}, ${username}, ${cert.cn}"},
      {"misspelt placeholder", filter("a/${clientid}"), "unknown placeholder",
       "did you mean \"client_id\"?"},
      {"placeholder in capitals", filter("a/${Client_Id}"), "unknown placeholder",
       "did you mean \"client_id\"?"},
      {"placeholder with underscore", filter("a/${cert_cn}"), "unknown placeholder",
       "did you mean \"cert.cn\"?"},
      {"placeholder without cert", filter("a/${cn}"), "unknown placeholder",
       "did you mean \"cert.cn\"?"},
      {"placeholder with a slip", filter("a/${usernane}"), "unknown placeholder",
       "did you mean \"username\"?"},
      {"empty placeholder", filter("a/${}"), "unknown placeholder \"${}\"", "placeholders are"},
      {"placeholder with spaces", filter("a/${ client_id }"), "unknown placeholder",
       "did you mean \"client_id\"?"},
      {"unclosed placeholder", filter("a/${client_id"), "\"${\" without its \"}\"", "closed"},
      {"placeholder over a slash", filter("a/${client/id}"), "\"${\" without its \"}\"",
       "before the next \"/\""},
      {"two placeholders in a level", filter("a/${client_id}-${username}"), "two placeholders",
       "${username}/${client_id}"},
      {"two placeholders without anything between", filter("a/${client_id}${username}"),
       "two placeholders", "more than one way"},
      // client_id
      {"binding to itself", binding("${client_id}"), "bound to itself", "${cert.cn}", 3},
      {"binding to itself in part", binding("a-${client_id}"), "bound to itself", "", 3},
      {"empty binding", binding(""), "client_id is empty", "leave it out", 3},
      {"binding with glob", binding("sensor-*"), "wildcard in client_id", "match = ", 3},
      {"binding with unknown placeholder", binding("${cert.cm}"), "unknown placeholder",
       "did you mean \"cert.cn\"?", 3},
      {"binding with two placeholders", binding("${cert.cn}-${username}"), "two placeholders",
       "use one", 3},
      {"binding not closed", binding("${cert.cn"), "without its \"}\"", "", 3},
      {"binding not UTF-8", binding("\xFF"), "UTF-8", "", 3},
      // match
      {"empty glob", [](PolicySpec& spec) { the_role(spec).match["cert_cn"] = {""}; },
       "match.cert_cn = \"\" is empty", "\"*\" matches every value", 3},
      {"glob too long",
       [](PolicySpec& spec) { the_role(spec).match["username"] = {std::string(257, 'a')}; },
       "too long", "256", 3},
      {"glob not UTF-8", [](PolicySpec& spec) { the_role(spec).match["listener"] = {"\x80"}; },
       "match.listener", "", 3},
      {"not an address", address("sensors.example"), "\"sensors.example\" is not an IP address",
       "192.0.2.0/24", 3},
      {"address cut short", address("192.0.2"), "is not an IP address", "", 3},
      {"address with zeros", address("192.0.02.1"), "is not an IP address", "", 3},
      {"empty address", address(""), "is not an IP address", "", 3},
      {"prefix missing", address("192.0.2.0/"), "is not an IP address", "", 3},
      {"prefix not a number", address("192.0.2.0/2x"), "is not an IP address", "", 3},
      {"prefix negative", address("192.0.2.0/-1"), "is not an IP address", "", 3},
      {"prefix padded", address("192.0.2.0/024"), "is not an IP address", "", 3},
      {"prefix too long", address("192.0.2.0/33"), "out of range", "0 to 32", 3},
      {"v6 prefix too long", address("2001:db8::/129"), "out of range", "0 to 128", 3},
      {"prefix overflows", address("192.0.2.0/4294967297"), "is not an IP address", "", 3},
      {"host bits", address("10.1.2.3/8"), "bits set behind its prefix",
       "10.0.0.0/8 for the network or 10.1.2.3 for the one address", 3},
      {"v6 host bits", address("2001:db8::1/32"), "bits set behind its prefix", "2001:db8::/32", 3},
      // actions
      {"role's on_deny throttle",
       [](PolicySpec& spec) { the_role(spec).on_deny.v5 = Action::throttle; },
       "on_deny = \"throttle\"", "on_exceed", 3},
      {"rule's on_deny throttle",
       [](PolicySpec& spec) {
         the_rule(spec).on_deny = OnDeny{Action::throttle, Action::drop};
       },
       "on_deny = \"throttle\"", "on_exceed"},
      {"deny with max_qos", in_deny([](RuleSpec& rule) { rule.max_qos = 1; }),
       "max_qos on a deny rule", "whatever its QoS"},
      {"deny with retain", in_deny([](RuleSpec& rule) { rule.retain = false; }),
       "retain on a deny rule", "allow rule"},
      {"deny with max_payload", in_deny([](RuleSpec& rule) { rule.max_payload = 1; }),
       "max_payload on a deny rule", "allow rule"},
      {"deny with limit", in_deny([](RuleSpec& rule) { rule.limit = messages(1); }),
       "limit on a deny rule", "allow rule"},
      // conditions and limits
      {"max_qos 3", [](PolicySpec& spec) { the_rule(spec).max_qos = 3; }, "max_qos = 3",
       "0, 1 or 2"},
      {"max_payload beyond MQTT",
       [](PolicySpec& spec) { the_rule(spec).max_payload = 268'435'456; }, "max_payload",
       "268435455"},
      {"max_packet 1",
       [](PolicySpec& spec) { the_role(spec).bounds.emplace(unbounded()).max_packet = 1; },
       "max_packet = 1", "at least 2 bytes", 3},
      {"limits of nothing", limits([](RateSpec& rate) { rate.messages.reset(); }),
       "neither messages nor bytes", "20/s", 5},
      {"rate of 0", limits([](RateSpec& rate) { rate.messages->count = 0; }), "above zero", "20/s",
       5},
      {"rate per nothing", limits([](RateSpec& rate) { rate.messages->per = Duration::zero(); }),
       "above zero", "20/s", 5},
      {"bytes of 0", limits([](RateSpec& rate) {
         rate.bytes = Rate{0, Duration(1)};
       }),
       "limits.bytes is not a rate above zero", "64 KiB/s", 5},
      {"burst of 0", limits([](RateSpec& rate) { rate.burst = 0; }), "let no message pass",
       "at least 1", 5},
      {"burst without messages", limits([](RateSpec& rate) {
         rate.messages.reset();
         rate.bytes = Rate{1, std::chrono::seconds(1)};
         rate.burst = 4;
       }),
       "limits.burst needs \"messages\"", "at once", 5},
      {"burst for ever", limits([](RateSpec& rate) { rate.burst = UINT64_MAX; }), "a hundred years",
       "lower burst", 5},
      {"bytes for ever", limits([](RateSpec& rate) {
         rate.bytes = Rate{1, std::chrono::hours(24 * 365 * 101)};
       }),
       "a hundred years", "64 KiB/s", 5},
      {"a rule's limit without an origin of its own",
       [](PolicySpec& spec) {
         the_rule(spec).limit = messages(1);
         the_rule(spec).limit->burst = 0;
       },
       "rule \"telemetry\": limit.burst = 0", "at least 1", 9},
  };
  return kMistakes;
}

TEST_CASE("each mistake is one error, with its place and what would be right") {
  CHECK(errors_of(good()).empty());
  for (const Mistake& mistake : mistakes()) {
    CAPTURE(mistake.name);
    PolicySpec spec = good();
    mistake.make(spec);
    const auto errors = errors_of(spec);
    REQUIRE(errors.size() == 1);
    CAPTURE(errors[0].message);
    CAPTURE(errors[0].hint);
    CHECK(errors[0].message.find(mistake.message) != std::string::npos);
    CHECK(errors[0].hint.find(mistake.hint) != std::string::npos);
    CHECK(errors[0].origin.line == mistake.line);
  }
}

TEST_CASE("what knows its place is reported there, in the file of its role or rule") {
  const Place here{7, 21};
  const struct {
    const char* name;
    std::function<void(PolicySpec&)> make;
  } rows[] = {
      {"role name", [&](PolicySpec& spec) { the_role(spec).name = Text("a b", here); }},
      {"reserved name", [&](PolicySpec& spec) { the_role(spec).name = Text("mqtt", here); }},
      {"rule id", [&](PolicySpec& spec) { the_rule(spec).id = Text("a/b", here); }},
      {"glob",
       [&](PolicySpec& spec) {
         the_role(spec).match["cert_cn"] = {"*", Text("", here)};
       }},
      {"network", [&](PolicySpec& spec) { the_role(spec).match["address"] = {Text("x", here)}; }},
      {"binding", [&](PolicySpec& spec) { the_role(spec).client_id = Text("*", here); }},
      {"publish",
       [&](PolicySpec& spec) {
         the_rule(spec).publish = {"a", Text("b#", here)};
       }},
      {"subscribe", [&](PolicySpec& spec) { the_rule(spec).subscribe = {Text("${x}", here)}; }},
      {"burst",
       [&](PolicySpec& spec) {
         the_rule(spec).limit = messages(1);
         the_rule(spec).limit->burst = Placed<std::uint64_t>(0, here);
       }},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    PolicySpec spec = good();
    row.make(spec);
    const auto errors = errors_of(spec);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].origin.file == "plant.toml");
    CHECK(errors[0].origin.line == 7);
    CHECK(errors[0].origin.column == 21);
  }
}

TEST_CASE("every attribute's entries are checked") {
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    CAPTURE(kAttributes[i].match);
    PolicySpec spec = good();
    the_role(spec).match.asked[i] = {""};
    CHECK(errors_of(spec).size() == 1);
  }
}

TEST_CASE("what could not be read is not reported as missing, and gives no policy") {
  const std::function<void(PolicySpec&)> rows[] = {
      [](PolicySpec& spec) {
        the_role(spec).name = "";
        the_role(spec).incomplete = true;
      },
      [](PolicySpec& spec) {
        the_rule(spec).id = "";
        the_rule(spec).publish.clear();
        the_rule(spec).incomplete = true;
      },
      [](PolicySpec& spec) {
        the_rule(spec).limit = RateSpec{};
        the_rule(spec).limit->incomplete = true;
      },
  };
  for (const auto& make : rows) {
    PolicySpec spec = good();
    make(spec);
    const auto policy = Policy::compile(spec);
    REQUIRE(!policy.has_value());
    CHECK(policy.error().empty());
    the_role(spec).match["address"] = {"nowhere"};  // what was read is checked all the same
    CHECK(errors_of(spec).size() == 1);
  }
}

TEST_CASE("all errors come at once") {
  PolicySpec spec = good();
  the_role(spec).on_deny.v3 = Action::throttle;
  the_role(spec).match["address"] = {"nowhere", "also nowhere"};
  the_role(spec).client_id = "${nobody}";
  the_rule(spec).publish = {"a/${nobody}/${nothing}", "b#", ""};
  the_rule(spec).subscribe = {"$share/x/y"};
  the_rule(spec).max_qos = 9;
  CHECK(errors_of(spec).size() == 10);
}

TEST_CASE("a message names its rule, quotes what does not print, and stays short") {
  PolicySpec spec = good();
  the_rule(spec).publish = {"a/\x1B[2J+" + std::string(5000, 'x')};
  const auto errors = errors_of(spec);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.find("rule \"telemetry\": ") == 0);
  CHECK(errors[0].message.find('\x1B') == std::string::npos);
  CHECK(errors[0].message.size() < 400);
}

TEST_CASE("a name far from every placeholder is not guessed at") {
  PolicySpec spec = good();
  the_rule(spec).publish = {"a/${topic}", "a/${" + std::string(5000, 'u') + "}"};
  const auto errors = errors_of(spec);
  REQUIRE(errors.size() == 2);
  for (const auto& error : errors) CHECK(error.hint.find("did you mean") == std::string::npos);
}

TEST_CASE("what looks odd and is right compiles") {
  const std::vector<std::function<void(PolicySpec&)>> odd = {
      filter("#"),
      filter("+"),
      filter("/"),
      filter("a//b"),
      filter("$SYS/#"),
      filter("a/$share/b"),
      filter("a/}${client_id}{"),
      filter("$${client_id}"),
      filter("a$b/{c}"),
      filter(levels(128)),
      filter(std::string(65'535, 'a')),
      filter("${client_id}/${client_id}/${username}"),
      rule_id("sensors.limits"),
      rule_id("a.b:c_d-E9"),
      rule_id("mqttx.y"),
      rule_id(std::string(64, 'a')),
      role_name("session-1"),
      role_name("telemetry"),
      binding("a/b"),
      binding("${username}"),
      address("::ffff:192.0.2.0/120"),
      address("::/0"),
      [](PolicySpec& spec) { spec.roles.clear(); },
      [](PolicySpec& spec) { the_role(spec).rules.clear(); },
      [](PolicySpec& spec) { the_role(spec).bounds.emplace(unbounded()).max_packet = 2; },
      [](PolicySpec& spec) {
        the_rule(spec).publish = {"a", "a", "+", "a"};
      },
      in_deny([](RuleSpec& rule) { rule.on_deny = OnDeny{}; })};
  for (std::size_t i = 0; i < odd.size(); ++i) {
    CAPTURE(i);
    PolicySpec spec = good();
    odd[i](spec);
    const auto errors = errors_of(spec);
    CHECK_MESSAGE(errors.empty(), (errors.empty() ? "" : errors[0].message));
  }
}

TEST_CASE("limits get their defaults") {
  RoleSpec spec = role("r");
  spec.limits = RateSpec{};
  spec.limits->messages = Rate{90, std::chrono::minutes(1)};
  spec.limits->bytes = Rate{64 * 1024, std::chrono::seconds(1)};
  RuleSpec slow = allow("slow", {"a"});
  slow.limit = RateSpec{};
  slow.limit->messages = Rate{1, std::chrono::hours(1)};
  slow.limit->bytes = Rate{10, std::chrono::hours(1)};
  spec.rules = {slow};
  const Client client({spec});
  const RateLimit& limits = client->policy()->limit(client->role_limits()[0]);
  CHECK(limits.burst == 1);  // 1.5 a second
  CHECK(limits.byte_burst == 64 * 1024);
  CHECK(limits.on_exceed == Action::throttle);
  const RateLimit& limit = client->policy()->limit(client.publishes("a").limit);
  CHECK(limit.burst == 1);
  CHECK(limit.byte_burst == 1);
}

}  // namespace
}  // namespace sallyport::policy
