// Placeholders and the client_id binding.
#include "given.h"

namespace sallyport::policy {
namespace {

TEST_CASE("each placeholder stands for what its name says") {
  const struct {
    const char* filter;
    const char* topic;
  } rows[] = {
      {"x/${client_id}/y", "x/pump-7/y"},       {"x/${username}/y", "x/ursula/y"},
      {"x/${cert.cn}/y", "x/sensor-7/y"},       {"x/${cert.san.dns}/y", "x/a.example/y"},
      {"x/${cert.san.dns}/y", "x/b.example/y"},  // of several values any may stand
      {"x/${cert.san.uri}/y", "x/urn:dev:7/y"}, {"x/${cert.serial}/y", "x/0a1b/y"},
      {"x/${listener}/y", "x/devices/y"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.filter);
    const Client client({role("r", {allow("own", {row.filter}), allow("read", {}, {row.filter})})});
    CHECK(words(client.publishes(row.topic)) == "allowed by own");
    CHECK(words(client.gets(row.topic)) == "allowed by read");
    CHECK(words(client.subscribes(row.topic)) == "allowed by read");
    CHECK(words(client.publishes("x/someone-else/y")) == kNoRule);
    CHECK(words(client.publishes(row.filter)) == kNoRule);
    CHECK(words(client.publishes("x//y")) == kNoRule);
    CHECK(words(client.publishes("x/y")) == kNoRule);
    CHECK(words(client.subscribes("x/+/y")) == kNoRule);
    CHECK(words(client.subscribes("x/#")) == kNoRule);
  }
}

TEST_CASE("a placeholder stands for part of a level") {
  const Client client({role("r", {allow("own", {"dev-${client_id}", "${client_id}.out/#",
                                                "<${cert.cn}>/+/${username}"})})});
  for (const auto* topic : {"dev-pump-7", "pump-7.out", "pump-7.out/a", "<sensor-7>/a/ursula"}) {
    CAPTURE(topic);
    CHECK(client.publishes(topic).allowed);
  }
  for (const auto* topic :
       {"dev-", "dev-pump-8", "dev-pump-77", "dev-pump", "xdev-pump-7", "pump-7", ".out",
        "pump-7.outx", "<sensor-7>/a/pump-7", "<sensor-7/a/ursula"}) {
    CAPTURE(topic);
    CHECK(words(client.publishes(topic)) == kNoRule);
  }
}

TEST_CASE("literals, wildcards and placeholders side by side are all tried") {
  const Client client({role(
      "r", {allow("a-plus", {"t/+/1"}), allow("b-literal", {"t/pump-7/2"}),
            allow("c-own", {"t/${client_id}/3"}),
            allow("d-part", {"t/pump-${cert.serial}/4", "t/p${client_id}/5", "t/${username}/6"}),
            allow("e-below", {"t/+/x/#"})})});
  CHECK(words(client.publishes("t/pump-7/1")) == "allowed by a-plus");
  CHECK(words(client.publishes("t/pump-7/2")) == "allowed by b-literal");
  CHECK(words(client.publishes("t/pump-7/3")) == "allowed by c-own");
  CHECK(words(client.publishes("t/pump-0a1b/4")) == "allowed by d-part");
  CHECK(words(client.publishes("t/ppump-7/5")) == "allowed by d-part");
  CHECK(words(client.publishes("t/ursula/6")) == "allowed by d-part");
  CHECK(words(client.publishes("t/pump-7/x")) == "allowed by e-below");
  CHECK(words(client.publishes("t/pump-7/4")) == kNoRule);
}

TEST_CASE("a value with a wildcard, a slash, U+0000 or nothing in it never matches") {
  // CVE-2017-7650
  const auto policy = compiled({role("r", {allow("own", {"x/${client_id}", "y/z${client_id}"}),
                                           allow("read", {}, {"x/${client_id}"})})});
  for (const std::string& value :
       {std::string(), std::string("+"), std::string("#"), std::string("a/b"), std::string("a+"),
        std::string("#a"), std::string("a\0b", 3), std::string("/")}) {
    CAPTURE(value);
    Identity identity = device();
    identity.client_id = value;
    const Client client(policy, identity);
    CHECK_FALSE(client.publishes("x/" + value).allowed);
    CHECK_FALSE(client.publishes("y/z" + value).allowed);
    CHECK_FALSE(client.subscribes("x/" + value).allowed);
    CHECK_FALSE(client.gets("x/" + value).allowed);
    CHECK_FALSE(client.publishes("x/anything").allowed);
  }
}

TEST_CASE("of several values the unusable ones never match") {
  Identity identity = device();
  auto certificate = std::make_shared<Certificate>(*identity.certificate);
  certificate->san_dns = {"", "+", "a/b", "good"};
  identity.certificate = certificate;
  const auto policy =
      compiled({role("r", {allow("own", {"x/${cert.san.dns}", "x/${cert.san.dns}/b"}),
                           allow("read", {}, {"x/${cert.san.dns}"})})});
  const Client client(policy, identity);
  CHECK(client.publishes("x/good").allowed);
  CHECK_FALSE(client.publishes("x/").allowed);
  CHECK_FALSE(client.publishes("x/a/b").allowed);
  CHECK_FALSE(client.subscribes("x/+").allowed);
}

TEST_CASE("what an identity does not have matches nothing") {
  Identity bare;
  bare.listener = "plain";
  bare.address = "192.0.2.7";
  bare.client_id = "c";
  const auto policy =
      compiled({role("r", {allow("own", {"x/${username}", "x/${cert.cn}", "x/${cert.san.dns}",
                                         "x/${cert.san.uri}", "x/${cert.serial}"}),
                           allow("here", {"l/${listener}"})})});
  const Client client(policy, bare);
  CHECK(words(client.publishes("x/")) == kNoRule);
  CHECK(words(client.publishes("x/c")) == kNoRule);
  CHECK(words(client.publishes("l/plain")) == "allowed by here");

  bare.certificate = std::make_shared<Certificate>();  // one that names nothing
  bare.username = "";
  const Client nameless(policy, bare);
  CHECK(words(nameless.publishes("x/")) == kNoRule);
}

TEST_CASE("a value does not name a $ topic") {
  Identity identity = device();
  identity.username = "$SYS";
  const auto policy = compiled(
      {role("r", {allow("own", {"${username}/#", "a/${username}"}),
                  allow("read", {}, {"${username}/#"}), allow("named", {"$dev-${client_id}/x"})})});
  const Client client(policy, identity);
  CHECK(words(client.publishes("$SYS/broker")) == kNoRule);
  CHECK(words(client.publishes("$SYS")) == kNoRule);
  CHECK(words(client.subscribes("$SYS/#")) == kNoRule);
  CHECK(words(client.gets("$SYS/broker")) == kNoRule);
  CHECK(words(client.publishes("a/$SYS")) == "allowed by own");
  CHECK(words(client.publishes("$dev-pump-7/x")) == "allowed by named");
}

TEST_CASE("deny rules take placeholders too") {
  const Client client({role("r", {allow("all", {"#"}), deny("not-own", {"x/${client_id}/#"})})});
  CHECK(words(client.publishes("x/pump-7/a")) == "refused by not-own: drop 0x87");
  CHECK(words(client.publishes("x/pump-8/a")) == "allowed by all");
}

// client_id = "..."

std::string bound(const std::string& binding, const Identity& identity) {
  RoleSpec spec = role("sensor");
  spec.client_id = binding;
  const auto policy = compiled({spec});
  const auto admitted = Policy::admit(policy, identity, mqtt::Version::v5);
  return admitted ? "admitted" : words(admitted.error());
}

TEST_CASE("client_id allows this client identifier and no other") {
  constexpr std::string_view kNo = "refused by policy.client-id-binding: disconnect 0x85";
  Identity identity = device();
  CHECK(bound("${cert.cn}", identity) == kNo);
  identity.client_id = "sensor-7";
  CHECK(bound("${cert.cn}", identity) == "admitted");
  identity.client_id = "sensor-77";
  CHECK(bound("${cert.cn}", identity) == kNo);
  identity.client_id = "dev-ursula-x";
  CHECK(bound("dev-${username}-x", identity) == "admitted");
  CHECK(bound("dev-${username}", identity) == kNo);
  CHECK(bound("dev-ursula-x", identity) == "admitted");
  CHECK(bound("dev-ursula", identity) == kNo);
  identity.client_id = "b.example";
  CHECK(bound("${cert.san.dns}", identity) == "admitted");
  identity.certificate = nullptr;
  CHECK(bound("${cert.san.dns}", identity) == kNo);
  identity.client_id = "";
  CHECK(bound("${cert.cn}", identity) == kNo);
  CHECK(bound("${username}", identity) == kNo);
  identity.username = "";
  CHECK(bound("${username}", identity) == kNo);
  identity.username = "a/b";
  identity.client_id = "a/b";
  CHECK(bound("${username}", identity) == kNo);
  CHECK(bound("a/b", identity) == "admitted");
}

TEST_CASE("every client_id binding must hold") {
  RoleSpec one = role("one");
  one.client_id = "pump-7";
  RoleSpec two = role("two");
  two.match["username"] = {"ursula"};
  two.client_id = "${cert.cn}";
  const auto policy = compiled({one, two, role("three")});
  Identity identity = device();
  CHECK_FALSE(Policy::admit(policy, identity, mqtt::Version::v5).has_value());
  identity.username = "someone";  // then the second role is not theirs, nor its binding
  CHECK(Policy::admit(policy, identity, mqtt::Version::v5).has_value());
  identity.client_id = "pump-8";
  CHECK_FALSE(Policy::admit(policy, identity, mqtt::Version::v5).has_value());
}

TEST_CASE("a binding holds also where refusals are only reported") {
  RoleSpec lenient = role("lenient");
  lenient.on_deny = both(Action::report);
  lenient.client_id = "another";
  const Identity identity = device();
  const auto admitted = Policy::admit(compiled({lenient}), identity, mqtt::Version::v5);
  REQUIRE_FALSE(admitted.has_value());
  CHECK(words(admitted.error()) == "refused by policy.client-id-binding: disconnect 0x85");
}

}  // namespace
}  // namespace sallyport::policy
