#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "config/gateway_file.h"
#include "config/policy_file.h"
#include "files.h"

namespace sallyport::config {
namespace {

constexpr std::string_view kGoodGateway = R"(# every key once
[broker]
address = "broker.example:8883"
tls = { ca = "ca.crt", server_name = "b", certificate = "c", key = "k", min_version = "1.3" }
connect_timeout = "5 s"
connack_timeout = "10 s"

[limits]
max_packet = "256 KiB"
max_packet_before_connect = "16 KiB"
connect_timeout = "10 s"
max_topic_length = "1 KiB"
max_topic_levels = 32
max_client_id_length = "128 B"
max_filters = 32

[[listener]]
name = "devices"
address = "0.0.0.0:8883"
max_connections = 10
max_connections_per_address = 1
connects_per_client = "1/s"
connect_burst = 3
low_water = "32 KiB"
address_prefix_v4 = 24
proxy_protocol = ["10.0.0.0/8", "::1"]
linger = "2 s"
limits.max_user_properties = 20
limits.max_user_property_bytes = "4 KiB"
limits.max_topic_aliases = 16
limits.max_qos2_in_flight = 100
limits.max_requests = 64
limits.max_keep_alive = "20 min"
limits.control_characters = "refuse"
limits.bridges = false
[listener.tls]
certificate = "server.crt"
key = "server.key"
client_ca = "ca.crt"
client_certificate = "required"

[[listener]]
name = "plain"
address = "127.0.0.1:1884"

[connections]
max = 9
[turn]
read_bytes = "8 KiB"
packets = 20
[ledger]
meters = 2048
[login]
timeout = "1 s"
[workers]
count = 2
[policy]
files = ["policies/*.toml", 'x']
[observe]
address = "127.0.0.1:9464"
audit_log = "stdout"
audit_queue = 100
[log]
level = "warn"
[drain]
delay = "1 s"
window = "1 s"
timeout = "1 s"
grace = "1 s"
server_references = ["b:1"]
)";

constexpr std::string_view kGoodPolicy = R"(# every key once
[[role]]
name = "sensor"
client_id = "${cert.cn}"
limits = { messages = "20/s", burst = 40, bytes = "64 KiB/s", on_exceed = "throttle", max_packet = "64 KiB" }
on_deny = { mqtt3 = "drop", mqtt5 = "disconnect" }
[role.match]
listener = "devices"
cert_cn = ["sensor-*"]
cert_san_dns = "*"
cert_san_uri = "*"
username = "u"
client_id = "c"
address = "10.0.0.0/8"
[[role.allow]]
id = "telemetry"
publish = ["plant/${client_id}/telemetry/#", "x"]
subscribe = "y"
max_qos = 1
retain = false
max_payload = "4 KiB"
limit = { messages = "10/s", on_exceed = "drop" }
on_deny = "report"
[[role.deny]]
id = "no-internals"
subscribe = ["$SYS/#"]
[[role]]
name = "second"
)";

struct Kind {
  std::string_view good;
  std::function<Diagnostics(const Node&)> read;
};

const Kind kGateway = {
    kGoodGateway, [](const Node& root) {
      Diagnostics diagnostics;
      const std::string file = "gateway.toml";
      static_cast<void>(read_gateway_file(root, file, Problems(file, diagnostics)));
      return diagnostics;
    }};
const Kind kPolicy = {kGoodPolicy, [](const Node& root) {
                        Diagnostics diagnostics;
                        policy::PolicySpec spec;
                        const std::string file = "test.policy";
                        read_policy_file(root, Problems(file, diagnostics), spec);
                        // Whatever was read, the compiler must cope with it.
                        static_cast<void>(policy::Policy::compile(spec));
                        return diagnostics;
                      }};

std::expected<Node, Diagnostic> tree(std::string text) {
  const auto source = make_source("f.toml", std::move(text));
  if (!source) return std::unexpected(source.error());
  return parse(*source);
}

std::string mutated(std::string text, std::mt19937& random) {
  static constexpr std::string_view kTokens[] = {"[",
                                                 "]",
                                                 "[[",
                                                 "]]",
                                                 "{",
                                                 "}",
                                                 "=",
                                                 ".",
                                                 ",",
                                                 "\"",
                                                 "'",
                                                 "#",
                                                 "\n",
                                                 "\r",
                                                 "\"\"\"",
                                                 "'''",
                                                 "\\",
                                                 "\\u",
                                                 "\0",
                                                 "\xC3",
                                                 "true",
                                                 "-1",
                                                 "1e9",
                                                 "0b1",
                                                 "1979-05-27",
                                                 "64 KiB",
                                                 "/s",
                                                 "${",
                                                 "listener",
                                                 "x",
                                                 "role",
                                                 "_",
                                                 "[role]\n",
                                                 "a.b = 1\n",
                                                 "limit.x = 1\n",
                                                 "\"\" = 1\n",
                                                 "99999999999999999999"};
  const auto below = [&random](std::size_t n) { return n == 0 ? 0 : random() % n; };
  for (std::size_t n = 1 + below(3); n > 0; --n) {
    const std::size_t at = below(text.size() + 1);
    switch (below(5)) {
      case 0:
        text.erase(at, 1 + below(8));
        break;
      case 1:
        text.insert(at, kTokens[below(std::size(kTokens))]);
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      case 3: {  // a piece of the file comes twice
        const std::string piece = text.substr(at, below(60));
        text.insert(below(text.size() + 1), piece);
        break;
      }
      default: {  // a line goes elsewhere
        const std::size_t begin = text.rfind('\n', at) + 1;
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string line = text.substr(begin, end - begin + 1);
        text.erase(begin, line.size());
        const std::size_t to = text.find('\n', below(text.size() + 1));
        text.insert(to == std::string::npos ? text.size() : to + 1, line);
        break;
      }
    }
  }
  return text;
}

void check_mutations(const Kind& kind, unsigned seed) {
  static constexpr int kRounds = 1000;
  std::mt19937 random(seed);
  int accepted = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string text = mutated(std::string(kind.good), random);
    CAPTURE(text);
    const auto root = tree(text);
    if (!root) {
      CHECK(!root.error().message.empty());
      CHECK(to_string(root.error()).size() < 1000);
      continue;
    }
    const Diagnostics diagnostics = kind.read(*root);
    if (!diagnostics.empty()) {
      for (const Diagnostic& diagnostic : diagnostics) REQUIRE(!diagnostic.message.empty());
      continue;
    }
    ++accepted;
    REQUIRE(test::unknown_key(*root) == "");
  }
  // Comments and values may change and still be good; most mutations are not.
  CHECK(accepted > kRounds / 50);
  CHECK(accepted < kRounds / 2);
}

TEST_CASE("the files that are mutated are good") {
  for (const Kind* kind : {&kGateway, &kPolicy}) {
    const auto root = tree(std::string(kind->good));
    REQUIRE(root.has_value());
    const Diagnostics diagnostics = kind->read(*root);
    CAPTURE(test::all(diagnostics));
    CHECK(diagnostics.empty());
    CHECK(test::unknown_key(*root) == "");
  }
}

TEST_CASE("mutations of a gateway file never crash and never pass with an unknown key") {
  check_mutations(kGateway, 1);
}

TEST_CASE("mutations of a policy file never crash and never pass with an unknown key") {
  check_mutations(kPolicy, 2);
}

/// Calls `change` for every table of the tree, and puts the table back afterwards.
void for_each_table(Node& node, const std::function<void(Node&)>& change) {
  if (node.kind == Node::Kind::table) change(node);
  for (Node& item : node.items) for_each_table(item, change);
  for (Member& member : node.members) for_each_table(member.value, change);
}

TEST_CASE("one unknown key anywhere in a good file is found, and is all that is found") {
  for (const Kind* kind : {&kGateway, &kPolicy}) {
    auto root = tree(std::string(kind->good));
    REQUIRE(root.has_value());
    int tables = 0;
    for_each_table(*root, [&](Node& table) {
      ++tables;
      table.members.push_back({"surprise", {77, 7}, Node{}});
      const Diagnostics diagnostics = kind->read(*root);
      CAPTURE(test::all(diagnostics));
      CHECK(diagnostics.size() == 1);
      CHECK(test::has(diagnostics, "77:7", "unknown key \"surprise\""));
      table.members.pop_back();
    });
    CHECK(tables >= 9);
  }
}

TEST_CASE("every key renamed is found at its place") {
  for (const Kind* kind : {&kGateway, &kPolicy}) {
    auto root = tree(std::string(kind->good));
    REQUIRE(root.has_value());
    for_each_table(*root, [&](Node& table) {
      for (Member& member : table.members) {
        const std::string name = member.key;
        member.key += "x";
        const Diagnostics diagnostics = kind->read(*root);
        CAPTURE(test::all(diagnostics));
        const std::string place =
            std::to_string(member.at.line) + ":" + std::to_string(member.at.column);
        CHECK(test::has(diagnostics, place, "unknown key \"" + member.key + "\""));
        CHECK(test::has(diagnostics, place, "did you mean \"" + name + "\"?"));
        member.key = name;
      }
    });
  }
}

TEST_CASE("every value of another type is refused at its place") {
  for (const Kind* kind : {&kGateway, &kPolicy}) {
    auto root = tree(std::string(kind->good));
    REQUIRE(root.has_value());
    Node date;
    date.kind = Node::Kind::datetime;
    date.written = "1979-05-27";
    for_each_table(*root, [&](Node& table) {
      for (Member& member : table.members) {
        const Node value = std::exchange(member.value, date);
        member.value.at = value.at;
        const Diagnostics diagnostics = kind->read(*root);
        CAPTURE(test::all(diagnostics));
        CAPTURE(member.key);
        CHECK(test::has(diagnostics,
                        std::to_string(value.at.line) + ":" + std::to_string(value.at.column),
                        member.key));
        member.value = value;
      }
    });
  }
}

}  // namespace
}  // namespace sallyport::config
