#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "config/policy_file.h"
#include "files.h"

namespace sallyport::config {
namespace {

using namespace std::chrono_literals;
using test::all;
using test::Bad;
using test::Folder;
using test::policy_of;

policy::PolicySpec spec_of(std::string_view text) {
  const auto source = make_source("test.policy", std::string(text));
  REQUIRE(source.has_value());
  const auto root = parse(*source);
  REQUIRE(root.has_value());
  Diagnostics diagnostics;
  policy::PolicySpec spec;
  read_policy_file(*root, Problems(source->file(), diagnostics), spec);
  CAPTURE(all(diagnostics));
  CHECK(diagnostics.empty());
  return spec;
}

TEST_CASE("the example of the documentation") {
  const auto spec = spec_of(R"(# policies/plant.toml
[[role]]
name = "sensor"
match = { listener = "devices", cert_cn = "sensor-*" }
client_id = "${cert.cn}"                                  # this client identifier and no other
limits = { messages = "20/s", burst = 40, bytes = "64 KiB/s", on_exceed = "throttle", max_packet = "64 KiB" }

[[role.allow]]
id = "telemetry"
publish = ["plant/${client_id}/telemetry/#"]
max_qos = 1
retain = false
max_payload = "4 KiB"
limit = { messages = "10/s", on_exceed = "drop" }

[[role.allow]]
id = "commands"
subscribe = ["plant/${client_id}/cmd/+"]

[[role.deny]]
id = "no-internals"
subscribe = ["$SYS/#"]
)");
  REQUIRE(spec.roles.size() == 1);
  const policy::RoleSpec& role = spec.roles[0];
  CHECK(role.name == "sensor");
  CHECK(role.origin.file == "test.policy");
  CHECK(role.origin.line == 2);
  CHECK(role.match["listener"] == std::vector<policy::Text>{"devices"});
  CHECK(role.match["cert_cn"] == std::vector<policy::Text>{"sensor-*"});
  CHECK(role.match["username"].empty());
  CHECK(role.client_id == "${cert.cn}");
  REQUIRE(role.limits.has_value());
  CHECK(role.limits->messages->count == 20);
  CHECK(role.limits->messages->per == 1s);
  CHECK(role.limits->burst == 40U);
  CHECK(role.limits->bytes->count == 65536);
  CHECK(role.limits->on_exceed == Action::throttle);
  CHECK(role.limits->origin.line == 6);
  CHECK(role.limits->origin.column == 10);
  REQUIRE(role.bounds.has_value());
  CHECK(role.bounds->max_packet == 65536U);
  CHECK(role.on_deny.v3 == Action::drop);
  CHECK(role.on_deny.v5 == Action::drop);
  REQUIRE(role.rules.size() == 3);
  CHECK(role.rules[0].id == "telemetry");
  CHECK(!role.rules[0].deny);
  CHECK(role.rules[0].publish == std::vector<policy::Text>{"plant/${client_id}/telemetry/#"});
  CHECK(role.rules[0].subscribe.empty());
  CHECK(role.rules[0].max_qos == 1);
  CHECK(role.rules[0].retain == false);
  CHECK(role.rules[0].max_payload == 4096U);
  REQUIRE(role.rules[0].limit.has_value());
  CHECK(role.rules[0].limit->messages->count == 10);
  CHECK(!role.rules[0].limit->burst);
  CHECK(!role.rules[0].limit->bytes);
  CHECK(role.rules[0].limit->on_exceed == Action::drop);
  CHECK(!role.rules[0].on_deny);
  CHECK(role.rules[0].origin.line == 8);
  CHECK(role.rules[1].id == "commands");
  CHECK(!role.rules[1].max_qos);
  CHECK(!role.rules[1].retain);
  CHECK(!role.rules[1].max_payload);
  CHECK(role.rules[2].id == "no-internals");
  CHECK(role.rules[2].deny);
}

TEST_CASE("every key of the policy language has an effect") {
  const auto spec = spec_of(R"(
[[role]]
name = "all"
match.listener = ["a", "b"]
match.cert_cn = "c"
match.cert_san_dns = ["d*"]
match.cert_san_uri = "spiffe://e/*"
match.username = "f?"
match.client_id = ["g", "h"]
match.address = ["192.0.2.0/24", "2001:db8::1"]
match.cert_serial = "0a*"
match.cert_fingerprint = "9f86*"
limits = { bytes = "1 MiB/min", on_exceed = "report" }
on_deny = "disconnect"
[[role.allow]]
id = "one"
publish = "a"
subscribe = "b"
on_deny = { mqtt5 = "report" }
limit.bytes = "1 B/h"
[[role.allow]]
id = "two"
publish = "a"
on_deny = "drop"
max_qos = 0
retain = true
max_payload = "0 B"
limit = { messages = "1000000000/s", burst = 1000000, on_exceed = "disconnect" }

[[role]]
name = "other"
limits.max_packet = "128 B"
on_deny = { mqtt3 = "disconnect", mqtt5 = "drop" }
)");
  REQUIRE(spec.roles.size() == 2);
  const policy::RoleSpec& role = spec.roles[0];
  CHECK(role.match["listener"].size() == 2);
  CHECK(role.match["cert_cn"].size() == 1);
  CHECK(role.match["cert_san_dns"].at(0) == "d*");
  CHECK(role.match["cert_san_uri"].at(0) == "spiffe://e/*");
  CHECK(role.match["username"].at(0) == "f?");
  CHECK(role.match["client_id"].size() == 2);
  CHECK(role.match["address"].size() == 2);
  CHECK(role.match["cert_serial"].at(0) == "0a*");
  CHECK(role.match["cert_fingerprint"].at(0) == "9f86*");
  CHECK(role.match["listener"].at(1).at.line == 4);
  CHECK(role.match["listener"].at(1).at.column == 24);
  CHECK(!role.client_id);
  CHECK(role.limits->bytes->per == 1min);
  CHECK(role.limits->on_exceed == Action::report);
  CHECK(!role.limits->messages);
  CHECK(!role.bounds);
  CHECK(role.on_deny.v3 == Action::disconnect);
  CHECK(role.on_deny.v5 == Action::disconnect);
  REQUIRE(role.rules.size() == 2);
  // What a rule leaves out of on_deny is the role's.
  CHECK(role.rules[0].on_deny->v3 == Action::disconnect);
  CHECK(role.rules[0].on_deny->v5 == Action::report);
  CHECK(role.rules[0].limit->on_exceed == Action::throttle);
  CHECK(role.rules[0].limit->bytes->per == 1h);
  CHECK(role.rules[1].on_deny->v3 == Action::drop);
  CHECK(role.rules[1].max_qos == 0);
  CHECK(role.rules[1].retain == true);
  CHECK(role.rules[1].max_payload == 0U);
  CHECK(role.rules[1].limit->burst == 1'000'000U);
  CHECK(role.rules[1].limit->on_exceed == Action::disconnect);
  CHECK(!spec.roles[1].limits);
  Bounds lowered = unbounded();
  lowered.max_packet = lowered.max_packet_before_connect = 128;
  CHECK(spec.roles[1].bounds == lowered);
  CHECK(spec.roles[1].on_deny.v3 == Action::disconnect);
  CHECK(spec.roles[1].on_deny.v5 == Action::drop);
}

TEST_CASE("a role's limits lower every limit of a listener, and nothing that they do not say") {
  const auto spec = spec_of(R"(
[[role]]
name = "small"
limits.max_packet = "4 KiB"
limits.max_packet_before_connect = "1 KiB"
limits.max_client_id_length = "23 B"
limits.client_id_characters = "a-f0-9"
limits.min_keep_alive = "30 s"
limits.max_keep_alive = "5 min"
limits.mqtt3_keep_alive = "refuse"
limits.max_will_payload = "0 B"
limits.max_topic_length = "100 B"
limits.max_topic_levels = 5
limits.max_filters = 2
limits.max_subscriptions = 8
limits.max_requests = 3
limits.max_qos2_in_flight = 4
limits.max_topic_aliases = 0
limits.max_user_properties = 1
limits.max_user_property_bytes = "64 B"
limits.control_characters = "refuse"
limits.bridges = false
[[role]]
name = "one"
limits = { messages = "1/s", max_subscriptions = 7 }
)");
  Bounds small = unbounded();
  small.max_packet = 4096;
  small.max_packet_before_connect = 1024;
  small.max_client_id_length = 23;
  small.client_id_characters = Characters::none();
  for (const char c : std::string_view("abcdef0123456789")) small.client_id_characters.add(c);
  small.min_keep_alive = 30;
  small.max_keep_alive = 300;
  small.refuse_mqtt3_keep_alive = true;
  small.max_will_payload = 0;
  small.max_topic_length = 100;
  small.max_topic_levels = 5;
  small.max_filters = 2;
  small.max_subscriptions = 8;
  small.max_requests = 3;
  small.max_qos2_in_flight = 4;
  small.max_topic_aliases = 0;
  small.max_user_properties = 1;
  small.max_user_property_bytes = 64;
  small.refuse_control_characters = true;
  small.bridges = false;
  CHECK(spec.roles.at(0).bounds == small);
  CHECK(!spec.roles[0].limits);
  Bounds one = unbounded();
  one.max_subscriptions = 7;
  CHECK(spec.roles.at(1).bounds == one);
  CHECK(spec.roles[1].limits.has_value());
}

TEST_CASE("rules may be written as an array, too") {
  const auto spec = spec_of(
      "role = [{ name = 'r', allow = [{ id = 'a', publish = 'a' },\n"
      "  { id = 'b', subscribe = 'b' }], deny = [{ id = 'c', publish = 'c' }] }]\n");
  REQUIRE(spec.roles.size() == 1);
  REQUIRE(spec.roles[0].rules.size() == 3);
  CHECK(spec.roles[0].rules[1].id == "b");
  CHECK(spec.roles[0].rules[1].origin.line == 2);
  CHECK(spec.roles[0].rules[1].origin.column == 3);
  CHECK(spec.roles[0].rules[2].deny);
}

// Lines 1 and 2 are the header and the name; what is tested begins in line 3.
TEST_CASE("bad roles") {
  const Bad cases[] = {
      {"on_denny = 1\n", "3:1", "did you mean \"on_deny\"?"},
      {"zzzzz = 1\n", "3:1", "accepted here: name, match, client_id, limits, on_deny, allow, deny"},
      {"match = { cn = 'x' }\n", "3:11", "unknown key \"cn\" in match of [[role]] \"r\""},
      {"match = { cn = 'x' }\n", "3:11", "did you mean \"cert_cn\"?"},
      {"match = {}\n", "3:9", "is empty"},
      {"match = 'x'\n", "3:9", "is a string ('x'), not a table"},
      {"match = { listener = 3 }\n", "3:22", "is an integer (3), not a string or an array"},
      {"match = { listener = '' }\n", "3:22", "empty string"},
      {"match = { listener = [] }\n", "3:22", "is empty"},
      {"match = { listener = 'device' }\n", "3:22", "matches listener \"device\", which"},
      {"match = { listener = 'device' }\n", "3:22", "did you mean \"devices\"?"},
      {"match = { username = [1] }\n", "3:23", "is an integer (1), not a string"},
      {"match = { cert_cn = true }\n", "3:21", "is a boolean"},
      {"match = { cert_san_dns = 1.0 }\n", "3:26", "is a floating-point number"},
      {"match = { cert_san_uri = {} }\n", "3:26", "is a table"},
      {"match = { client_id = ['a', ''] }\n", "3:29", "empty string"},
      {"match = { cert_fingerprint = 3 }\n", "3:30", "is an integer (3)"},
      {"match = { cert_fingerprnt = 'x' }\n", "3:11", "did you mean \"cert_fingerprint\"?"},
      {"match = { address = '10.0.0.0/33' }\n", "3:21", "out of range"},
      {"match = { address = ['::1', 'localhost'] }\n", "3:29", "address"},
      {"match = { address = '10.1.2.3/8' }\n", "3:21", "bits set behind its prefix"},
      {"client_id = ''\n", "3:13", "is empty"},
      {"client_id = 1\n", "3:13", "is an integer (1), not a string"},
      {"client_id = '${cert.nc}'\n", "3:13", "cert.nc"},
      {"limits = {}\n", "3:10", "is empty"},
      {"limits = { message = '1/s' }\n", "3:12", "did you mean \"messages\"?"},
      {"limits = { messages = 20 }\n", "3:23", "has no unit"},
      {"limits = { messages = '20' }\n", "3:23", "says no time"},
      {"limits = { messages = '0/s' }\n", "3:23", "out of range"},
      {"limits = { messages = '1000000001/s' }\n", "3:23", "accepted: 1 to 1000000000 per s"},
      {"limits = { messages = '64 KiB/s' }\n", "3:23", "between the number and '/'"},
      {"limits = { bytes = '64/s' }\n", "3:20", "has no unit"},
      {"limits = { bytes = '0 B/s' }\n", "3:20", "out of range"},
      {"limits = { bytes = '2000 GiB/s' }\n", "3:20", "accepted: 1 B to 1024 GiB per s"},
      {"limits = { bytes = 5 }\n", "3:20", "write a rate such as \"64 KiB/s\""},
      {"limits = { messages = '1/s', burst = 0 }\n", "3:38", "accepted: 1 to 1000000"},
      {"limits = { messages = '1/s', burst = '5' }\n", "3:38", "not an integer"},
      {"limits = { bytes = '1 B/s', burst = 5 }\n", "3:29", "needs \"messages\""},
      {"limits = { on_exceed = 'drop' }\n", "3:12", "nothing that could be exceeded"},
      {"limits = { messages = '1/s', on_exceed = 'block' }\n", "3:42",
       "accepted: \"throttle\", \"drop\", \"disconnect\", \"report\""},
      {"limits = { max_packet = '100 B' }\n", "3:25", "accepted: 128 B to 256 MiB"},
      {"limits = { max_packet = 1000 }\n", "3:25", "has no unit"},
      {"limits = { max_filter = 3 }\n", "3:12", "did you mean \"max_filters\"?"},
      {"limits = { max_filters = 0 }\n", "3:26", "accepted: 1 to 4096"},
      {"limits = { connect_timeout = '1 s' }\n", "3:30", "comes too late"},
      {"limits = { connect_timeout = '1 s' }\n", "3:30",
       "in [limits] or in limits of the listener"},
      {"limits = { bridges = true }\n", "3:22", "would raise a bound"},
      {"limits = { control_characters = 'pass' }\n", "3:33", "write \"refuse\" or delete the line"},
      {"limits = { mqtt3_keep_alive = 'pass' }\n", "3:31", "\"pass\" is for [limits]"},
      {"limits = { max_packet = '1 KiB', max_packet_before_connect = '2 KiB' }\n", "3:62",
       "is more than max_packet"},
      {"limits = { min_keep_alive = '2 min', max_keep_alive = '1 min' }\n", "3:29",
       "is more than max_keep_alive"},
      {"limits = { client_id_characters = 'A-z' }\n", "3:35", "the range \"A-z\""},
      {"limits = {}\n", "3:10", "is empty"},
      {"on_deny = 'throttle'\n", "3:11", "accepted: \"drop\", \"disconnect\", \"report\""},
      {"on_deny = true\n", "3:11", "not a string"},
      {"on_deny = {}\n", "3:11", "is empty"},
      {"on_deny = { mqtt4 = 'drop' }\n", "3:13", "unknown key \"mqtt4\" in on_deny of [[role]]"},
      {"on_deny = { mqtt3 = 'throttle' }\n", "3:21", "accepted: \"drop\""},
      {"[role.allow]\nid = 'x'\n", "3:1", "in double brackets"},
      {"allow = ['x']\n", "3:10", "not a table"},
      {"[[role]]\n", "3:1", "[[role]] has no \"name\""},
      {"[[role]]\nname = 'a b'\n", "4:8", "is not a name"},
      {"[[role]]\nname = 7\n", "4:8", "not a string"},
      {"[[role]]\nname = 'r'\n", "3:1", "is used twice"},
      {"[roles]\n", "3:2", "did you mean \"role\"?"},
      {"[[rule]]\n", "3:3", "unknown key \"rule\" in policy file"},
  };
  for (const Bad& bad : cases) {
    CAPTURE(bad.text);
    const auto result = policy_of("[[role]]\nname = 'r'\n" + std::string(bad.text));
    REQUIRE(!result.has_value());
    CAPTURE(all(result.error()));
    CHECK(test::has(result.error(), bad.where, bad.fragment));
    CHECK(result.error().size() == 1);
  }
}

// Lines 1 to 4 begin a rule; what is tested begins in line 5.
TEST_CASE("bad rules") {
  const Bad cases[] = {
      {"publsh = 'a'\nsubscribe = 'a'\n", "5:1", "did you mean \"publish\"?"},
      {"topic = 'a'\nsubscribe = 'a'\n", "5:1", "unknown key \"topic\" in [[role.allow]] \"x\""},
      {"publish = 1\n", "5:11", "is an integer (1), not a string or an array of strings"},
      {"publish = ['a', 2]\n", "5:17", "is an integer (2), not a string"},
      {"publish = []\n", "5:11", "is empty"},
      {"publish = ''\n", "5:11", "empty string"},
      {"publish = 'a/#/b'\n", "5:11", "rule \"x\": publish: "},
      {"publish = ['a',\n  'b+']\n", "6:3", "rule \"x\": publish: wildcard inside level"},
      {"publish = 'a/${clientid}'\n", "5:11", "client_id"},
      {"subscribe = ['a', 'b/${user}/#']\n", "5:19", "username"},
      {"subscribe = true\n", "5:13", "is a boolean (true)"},
      {"publish = 'a'\nmax_qos = 3\n", "6:11", "accepted: 0 to 2"},
      {"publish = 'a'\nmax_qos = -1\n", "6:11", "accepted: 0 to 2"},
      {"publish = 'a'\nmax_qos = '1'\n", "6:11", "not an integer"},
      {"publish = 'a'\nretain = 'no'\n", "6:10", "write true or false"},
      {"publish = 'a'\nretain = 0\n", "6:10", "is an integer (0), not a boolean"},
      {"publish = 'a'\nmax_payload = 4096\n", "6:15", "has no unit"},
      {"publish = 'a'\nmax_payload = '256 MiB'\n", "6:15", "accepted: 0 B to 255 MiB"},
      {"publish = 'a'\nlimit = {}\n", "6:9", "is empty"},
      {"publish = 'a'\nlimit = { max_packet = '1 KiB' }\n", "6:11", "unknown key \"max_packet\""},
      {"publish = 'a'\nlimit = { on_exceed = 'drop' }\n", "6:11", "nothing that could be"},
      {"publish = 'a'\nlimit = { burst = 5, messages = '1/d' }\n", "6:33", "unknown time \"d\""},
      {"publish = 'a'\nlimit = '1/s'\n", "6:9", "not a table"},
      {"publish = 'a'\nlimits = { messages = '1/s' }\n", "6:1", "did you mean \"limit\"?"},
      {"publish = 'a'\non_deny = 'allow'\n", "6:11", "accepted: \"drop\""},
      {"publish = 'a'\non_deny = ['drop']\n", "6:11", "not a string"},
      {"publish = 'a'\n[[role.allow]]\npublish = 'b'\n", "6:1", "has no \"id\""},
      {"publish = 'a'\n[[role.allow]]\nid = 'x'\npublish = 'b'\n", "6:1", "is used twice"},
      {"publish = 'a'\n[[role.allow]]\nid = 'a/b'\npublish = 'b'\n", "7:6", "is not a name"},
      {"publish = 'a'\n[[role.deny]]\nid = 'y'\n", "6:1",
       "rule \"y\" has neither \"publish\" nor \"subscribe\""},
      {"publish = 'a'\n[[role.deny]]\nid = 'y'\npublish = 'b'\nmax_qos = 1\n", "6:1", "max_qos"},
      {"", "3:1", "has neither \"publish\" nor \"subscribe\""},
  };
  for (const Bad& bad : cases) {
    CAPTURE(bad.text);
    const auto result =
        policy_of("[[role]]\nname = 'r'\n[[role.allow]]\nid = 'x'\n" + std::string(bad.text));
    REQUIRE(!result.has_value());
    CAPTURE(all(result.error()));
    CHECK(test::has(result.error(), bad.where, bad.fragment));
    CHECK(result.error().size() == 1);
  }
}

TEST_CASE("texts of other languages are refused, where a deny rule would let everything pass") {
  // Line 4 is what is tried.
  const auto deny = [](const std::string& line) {
    return test::policy_of("[[role]]\nname = 'r'\n[[role.deny]]\n" + line + "\nid = 'd'\n");
  };
  const Bad filters[] = {
      {"publish = ['plant/%c/secret']", "4:12", "write ${client_id}"},
      {"publish = ['a', '^a.*$']", "4:17", "rule \"d\": publish: \"^\" in \"^a.*$\" begins"},
      {"subscribe = 'plant/*/state'", "4:13", "for one level write +"},
      {"subscribe = 'plant/*/state'", "4:13", "begins with \"literal:\""},
      {"publish = 'eq a/b'", "4:11", "EMQX"},
      {"publish = 'literal:a/#/b'", "4:11", "\"#\" before the end of \"a/#/b\""},
      {"publish = 'literal:'", "4:11", "empty topic filter"},
  };
  for (const Bad& bad : filters) {
    CAPTURE(bad.text);
    const auto policy = deny(std::string(bad.text));
    REQUIRE(!policy.has_value());
    CAPTURE(test::all(policy.error()));
    CHECK(policy.error().size() == 1);
    CHECK(test::has(policy.error(), bad.where, bad.fragment));
  }

  // Line 3 is what is tried.
  const auto match = [](const std::string& line) {
    return test::policy_of("[[role]]\nname = 'r'\n" + line + "\n");
  };
  const Bad matches[] = {
      {"match.cert_cn = '^sensor-.*'", "3:17", "role \"r\": match.cert_cn: \"^\" in"},
      {"match.cert_cn = ['a', 'CN=a']", "3:23", "write the name alone"},
      {"match.username = 'a|b'", "3:18", "write a list"},
      {"match.client_id = '${username}'", "3:19", "begins a placeholder"},
      {"match.cert_serial = '[0-9]*'", "3:21", "begins a set of characters"},
      {"match.cert_san_dns = 'DNS:a.example'", "3:22", "write the name alone"},
      {"match.cert_san_uri = 'URI:spiffe://a'", "3:22", "write the URI alone"},
      {"match.username = 'literal:'", "3:18", "match.username = \"\" is empty"},
  };
  for (const Bad& bad : matches) {
    CAPTURE(bad.text);
    const auto policy = match(std::string(bad.text));
    REQUIRE(!policy.has_value());
    CAPTURE(test::all(policy.error()));
    CHECK(policy.error().size() == 1);
    CHECK(test::has(policy.error(), bad.where, bad.fragment));
  }
  // In names of hosts ".*" is an ordinary end.
  CHECK(match("match.cert_san_dns = 'a.*'").has_value());
}

TEST_CASE("what is meant as it stands is held against the text behind the mark") {
  const auto policy = test::policy_of(R"(
[[role]]
name = "r"
match = { listener = "literal:dev*", username = ["literal:a|*", "literal:^b"] }
[[role.allow]]
id = "all"
publish = "#"
[[role.deny]]
id = "asterisk"
publish = ["literal:plant/*/+", "literal:%c/${client_id}"]
)");
  REQUIRE_MESSAGE(policy.has_value(), test::all(policy.error()));
  Identity identity;
  identity.listener = "devices";
  identity.client_id = "c1";
  const auto admitted = [&](const std::string& username) {
    identity.username = username;
    return policy::Policy::admit(*policy, identity, mqtt::Version::v5);
  };
  CHECK(admitted("a|").has_value());
  CHECK(admitted("a|xyz").has_value());  // * is what it was
  CHECK(admitted("^b").has_value());
  CHECK(!admitted("b").has_value());
  CHECK(!admitted("literal:^b").has_value());
  const auto grant = admitted("^b");
  REQUIRE(grant.has_value());
  const auto passes = [&grant](const std::string& topic) {
    return grant->check_publish({{topic}, 0}).allowed;
  };
  CHECK(!passes("plant/*/state"));
  CHECK(passes("plant/x/state"));
  CHECK(passes("literal:plant/*/state"));
  CHECK(!passes("%c/c1"));
  CHECK(passes("%c/c2"));
}

}  // namespace
}  // namespace sallyport::config
