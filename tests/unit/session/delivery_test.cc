#include <doctest/doctest.h>

#include "conversation.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1_1;
using wire::v5;

namespace {

std::string delivery(wire::Level level, std::string topic, unsigned qos = 0, unsigned id = 1,
                     std::string properties = {}) {
  return wire::publish({.level = level,
                        .topic = std::move(topic),
                        .qos = qos,
                        .packet_id = id,
                        .properties = std::move(properties)});
}

}  // namespace

TEST_CASE("an allowed delivery and its acknowledgements pass byte for byte") {
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation talk(up_and_down());
    talk.open({.level = level});
    for (const unsigned qos : {0U, 1U, 2U}) {
      talk.broker_sends(delivery(level, "down/a", qos, qos + 1));
      CHECK(talk.client_gets() == delivery(level, "down/a", qos, qos + 1));
    }
    talk.client_sends(wire::puback(2) + wire::pubrec(3));
    talk.broker_sends(wire::pubrel(3));
    talk.client_sends(wire::pubcomp(3));
    CHECK(talk.broker_gets() == wire::puback(2) + wire::pubrec(3) + wire::pubcomp(3));
    CHECK(talk.client_gets() == wire::pubrel(3));
  }
}

TEST_CASE("trap: a dropped delivery is acknowledged to the broker") {
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation talk(up_and_down());
    talk.open({.level = level});
    talk.broker_sends(delivery(level, "down/secret/x", 0));
    CHECK(talk.broker_gets().empty());
    talk.broker_sends(delivery(level, "down/secret/x", 1, 11));
    CHECK(talk.broker_gets() == wire::puback(11));
    talk.broker_sends(delivery(level, "down/secret/x", 2, 12));
    CHECK(talk.broker_gets() == wire::pubrec(12));
    talk.broker_sends(wire::pubrel(12));
    CHECK(talk.broker_gets() == wire::pubcomp(12));
    CHECK(talk.client_gets().empty());
    CHECK(talk.events.refusals.size() == 3);
    CHECK(talk.events.refusals[0].from == Side::broker);
    CHECK(talk.events.refusals[0].name == "secret");
  }
}

TEST_CASE("the gateway's acknowledgements keep the order of arrival [MQTT-4.6.0-2]") {
  Conversation talk(up_and_down());
  talk.open();
  talk.broker_sends(delivery(v3_1_1, "down/a", 1, 1) + delivery(v3_1_1, "down/secret/x", 1, 2) +
                    delivery(v3_1_1, "down/a", 1, 3) + delivery(v3_1_1, "down/secret/x", 2, 4));
  CHECK(talk.broker_gets() == wire::pubrec(4));  // no QoS 2 delivery is before it
  talk.client_sends(wire::puback(1));
  CHECK(talk.broker_gets() == wire::puback(1) + wire::puback(2));
  talk.broker_sends(delivery(v3_1_1, "down/secret/x", 1, 5));
  CHECK(talk.broker_gets().empty());
  talk.client_sends(wire::puback(3));
  CHECK(talk.broker_gets() == wire::puback(3) + wire::puback(5));
}

TEST_CASE("a client cannot acknowledge what it never got") {
  Conversation talk(up_and_down());
  talk.open();
  talk.broker_sends(delivery(v3_1_1, "down/secret/x", 2, 4));
  CHECK(talk.broker_gets() == wire::pubrec(4));
  talk.client_sends(wire::pubrec(4) + wire::puback(4) + wire::pubcomp(4));
  CHECK(talk.broker_gets().empty());
  CHECK(talk.events.refusals.back().name == "mqtt.unexpected-ack");
  CHECK_FALSE(talk.closed());
  // Unknown ones may be of an earlier connection.
  talk.client_sends(wire::puback(44));
  CHECK(talk.broker_gets() == wire::puback(44));
}

TEST_CASE("an acknowledgement for the broker waits for the end of a streaming publish") {
  Conversation talk(up_and_down());
  talk.open();
  const std::string publish = wire::publish({.topic = "up/a", .payload = std::string(1000, 'p')});
  talk.client_sends(publish.substr(0, 600));
  talk.broker_sends(delivery(v3_1_1, "down/secret/x", 1, 2));
  CHECK(talk.broker_gets() == publish.substr(0, 600));
  talk.client_sends(publish.substr(600));
  CHECK(talk.broker_gets() == publish.substr(600) + wire::puback(2));
}

TEST_CASE("trap: an alias that a dropped delivery set has its topic put back") {
  Conversation talk(everybody({allow("read", {}, {"down/#"}), deny("no", {}, {"down/no"})}));
  talk.open({.level = v5, .properties = wire::topic_alias_maximum(3)});
  const auto with_alias = [](std::string topic) {
    return delivery(v5, std::move(topic), 0, 0, wire::topic_alias(2));
  };
  talk.broker_sends(with_alias("down/no") + with_alias(""));
  CHECK(talk.client_gets().empty());
  talk.set_policy(everybody({allow("read", {}, {"down/#"})}));
  talk.broker_sends(with_alias("") + with_alias(""));
  CHECK(talk.client_gets() == with_alias("down/no") + with_alias(""));
}

TEST_CASE("a topic that is put back does not exceed the client's Maximum Packet Size") {
  Conversation talk(everybody({allow("read", {}, {"down/#"}), deny("no", {}, {"down/no"})}));
  talk.open(
      {.level = v5, .properties = wire::topic_alias_maximum(3) + wire::maximum_packet_size(24)});
  talk.broker_sends(delivery(v5, "down/no", 1, 1, wire::topic_alias(2)));
  CHECK(talk.broker_gets() == wire::puback(1));
  talk.set_policy(everybody({allow("read", {}, {"down/#"})}));
  talk.broker_sends(wire::publish({.level = v5,
                                   .payload = "twelve bytes",
                                   .qos = 1,
                                   .packet_id = 2,
                                   .properties = wire::topic_alias(2)}));
  CHECK(talk.client_gets().empty());
  CHECK(talk.broker_gets() == wire::puback(2));
  CHECK(talk.events.refusals.back().name == "mqtt.packet-too-large");
}

TEST_CASE("a delivery with a topic beyond the gateway's limits is judged, not malformed") {
  Conversation talk(up_and_down());
  talk.open();
  std::string deep = "down";
  for (int i = 0; i < 100; ++i) deep += "/x";
  talk.broker_sends(delivery(v3_1_1, deep));
  CHECK(talk.client_gets() == delivery(v3_1_1, deep));
}

TEST_CASE("a rule's limit on deliveries") {
  policy::PolicySpec spec = up_and_down();
  policy::RateSpec rate;
  rate.messages = Rate{1, std::chrono::seconds(1)};
  rate.burst = 2;
  SUBCASE("drop") {
    rate.on_exceed = Action::drop;
    spec.roles[0].rules[1].limit = rate;
    Conversation talk(spec);
    talk.open();
    talk.broker_sends(delivery(v3_1_1, "down/a") + delivery(v3_1_1, "down/b") +
                      delivery(v3_1_1, "down/c", 1, 3));
    CHECK(talk.client_gets() == delivery(v3_1_1, "down/a") + delivery(v3_1_1, "down/b"));
    CHECK(talk.broker_gets() == wire::puback(3));
  }
  SUBCASE("throttle") {
    rate.on_exceed = Action::throttle;
    spec.roles[0].rules[1].limit = rate;
    Conversation talk(spec);
    talk.open();
    talk.broker_sends(delivery(v3_1_1, "down/a") + delivery(v3_1_1, "down/b") +
                      delivery(v3_1_1, "down/c"));
    CHECK(talk.paused(Side::broker) == Session::kThrottled);
    CHECK(talk.client_gets() == delivery(v3_1_1, "down/a") + delivery(v3_1_1, "down/b"));
    talk.pass(std::chrono::seconds(1));
    CHECK(talk.client_gets() == delivery(v3_1_1, "down/c"));
  }
}

TEST_CASE("a delivery that is said again after a rule was changed stays the client's") {
  Conversation talk(up_and_down());
  talk.open();
  talk.broker_sends(wire::publish({.topic = "down/a", .qos = 2, .packet_id = 7}));
  talk.client_sends(wire::pubrec(7));
  (void)talk.client_gets();
  (void)talk.broker_gets();
  talk.set_policy(everybody({allow("else", {"else"}, {"else"})}));
  talk.broker_sends(wire::publish({.topic = "down/a", .qos = 2, .packet_id = 7, .dup = true}));
  CHECK(talk.client_gets().empty());
  CHECK(talk.broker_gets().empty());
  talk.broker_sends(wire::pubrel(7));
  CHECK(talk.client_gets() == wire::pubrel(7));
  talk.client_sends(wire::pubcomp(7));
  CHECK(talk.broker_gets() == wire::pubcomp(7));
}
