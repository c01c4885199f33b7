// SUBSCRIBE and deliveries: a filter must be contained, and what comes is checked again.
#include "given.h"

namespace sallyport::policy {
namespace {

TEST_CASE("an allow rule covers a filter that it contains") {
  const Client client({role("sensor", {allow("in", {}, {"plant/+/cmd/#", "one/two"})})});
  for (const auto* filter : {"plant/7/cmd", "plant/7/cmd/#", "plant/+/cmd/#", "plant/+/cmd/+",
                             "plant/+/cmd", "plant/7/cmd/a/b/#", "one/two"}) {
    CAPTURE(filter);
    CHECK(words(client.subscribes(filter)) == "allowed by in");
  }
  for (const auto* filter : {"#", "plant/#", "plant/+/+/x", "plant/7/#", "plant/7", "+/7/cmd",
                             "one/+", "one/#", "one/two/#", "one", "+", "plant/+/+"}) {
    CAPTURE(filter);
    CHECK(words(client.subscribes(filter)) == kNoRule);
  }
}

TEST_CASE("containment reaches as far as the topics do") {
  const Client all({role("sensor", {allow("all", {}, {"#"})})});
  for (const auto* filter : {"#", "+", "+/#", "a", "a/#", "/", "a/$SYS"}) {
    CHECK(words(all.subscribes(filter)) == "allowed by all");
  }
  CHECK(words(all.subscribes("$SYS/#")) == kNoRule);
  CHECK(words(all.subscribes("$SYS/broker")) == kNoRule);

  // Every topic has a first level, so these two filters match the same topics.
  const Client levels({role("sensor", {allow("levels", {}, {"+/#"})})});
  CHECK(words(levels.subscribes("#")) == "allowed by levels");
  CHECK(words(levels.subscribes("+")) == "allowed by levels");
  CHECK(words(levels.subscribes("$SYS/#")) == kNoRule);
  const Client two({role("sensor", {allow("two", {}, {"+/+/#"})})});
  CHECK(words(two.subscribes("#")) == kNoRule);
  CHECK(words(two.subscribes("/#")) == "allowed by two");  // there is no empty topic
  CHECK(words(two.subscribes("a/#")) == kNoRule);          // a/# also matches a
  CHECK(words(two.subscribes("+/a/#")) == "allowed by two");
}

TEST_CASE("a deny rule refuses a filter that it contains") {
  const Client client({role("sensor", {allow("all", {}, {"#"}), allow("sys", {}, {"$SYS/#"}),
                                       deny("secret", {}, {"secret/#", "+/private"}),
                                       deny("no-internals", {}, {"$SYS/broker/log/#"})})});
  CHECK(words(client.subscribes("secret/#")) == "refused by secret: drop 0x87");
  CHECK(words(client.subscribes("secret")) == "refused by secret: drop 0x87");
  CHECK(words(client.subscribes("secret/+/x")) == "refused by secret: drop 0x87");
  CHECK(words(client.subscribes("a/private")) == "refused by secret: drop 0x87");
  CHECK(words(client.subscribes("+/private")) == "refused by secret: drop 0x87");
  CHECK(words(client.subscribes("$SYS/broker/log/N")) == "refused by no-internals: drop 0x87");
}

TEST_CASE("where a deny rule only overlaps, deliveries are checked again") {
  const Client client({role("sensor", {allow("all", {}, {"#"}), allow("sys", {}, {"$SYS/#"}),
                                       deny("secret", {}, {"secret/#"}),
                                       deny("no-internals", {}, {"$SYS/broker/log/#"})})});
  CHECK(words(client.subscribes("#")) == "allowed by all");
  CHECK(words(client.subscribes("+/x")) == "allowed by all");
  CHECK(words(client.gets("open/x")) == "allowed by all");
  CHECK(words(client.gets("secret/x")) == "refused by secret: drop 0x87");
  CHECK(words(client.gets("secret")) == "refused by secret: drop 0x87");
  CHECK(words(client.subscribes("$SYS/#")) == "allowed by sys");
  CHECK(words(client.gets("$SYS/broker/version")) == "allowed by sys");
  CHECK(words(client.gets("$SYS/broker/log/N")) == "refused by no-internals: drop 0x87");
}

TEST_CASE("a delivery that no rule covers is refused: the right may have gone since") {
  const Client client({role("sensor", {allow("in", {}, {"in/#"})})});
  CHECK(words(client.gets("in/x")) == "allowed by in");
  CHECK(words(client.gets("elsewhere")) == kNoRule);
}

TEST_CASE("several rules do not cover together what none covers alone") {
  const Client client({role("sensor", {allow("a", {}, {"t"}), allow("b", {}, {"t/+/#"})})});
  CHECK(words(client.subscribes("t/#")) == kNoRule);
}

TEST_CASE("wildcards of a SUBSCRIBE are no values") {
  Identity identity = device();
  identity.client_id = "+";
  identity.username = "#";
  const auto policy = compiled({role(
      "sensor", {allow("own", {}, {"c/${client_id}", "u/${username}", "p/x-${client_id}"})})});
  const Client client(policy, identity);
  for (const auto* filter : {"c/+", "u/#", "c/#", "p/+", "c/pump-7"}) {
    CAPTURE(filter);
    CHECK(words(client.subscribes(filter)) == kNoRule);
  }
}

}  // namespace
}  // namespace sallyport::policy
