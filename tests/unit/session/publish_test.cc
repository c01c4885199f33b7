#include <doctest/doctest.h>

#include "conversation.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

TEST_CASE("an allowed PUBLISH passes byte for byte, at every QoS and version") {
  for (const wire::Level level : {v3_1, v3_1_1, v5}) {
    Conversation talk(up_and_down());
    talk.open({.level = level});
    for (const unsigned qos : {0U, 1U, 2U}) {
      const std::string publish = wire::publish(
          {.level = level, .topic = "up/a", .payload = std::string(300, 'p'), .qos = qos});
      talk.client_sends(publish);
      CHECK(talk.broker_gets() == publish);
    }
    talk.broker_sends(wire::puback(1) + wire::pubrec(1));
    CHECK(talk.client_gets() == wire::puback(1) + wire::pubrec(1));
    talk.client_sends(wire::pubrel(1));
    CHECK(talk.broker_gets() == wire::pubrel(1));
    talk.broker_sends(wire::pubcomp(1));
    CHECK(talk.client_gets() == wire::pubcomp(1));
    CHECK(talk.events.refusals.empty());
  }
}

TEST_CASE("a refused PUBLISH is dropped and answered as its QoS and version want it") {
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation talk(up_and_down());
    talk.open({.level = level});
    const auto publish = [&](unsigned qos) {
      return wire::publish({.level = level, .topic = "no", .qos = qos, .packet_id = 9});
    };
    talk.client_sends(publish(0));
    CHECK(talk.client_gets().empty());
    talk.client_sends(publish(1));
    CHECK(talk.client_gets() == (level == v5 ? wire::ack(4, 9, 0x87) : wire::puback(9)));
    talk.client_sends(publish(2));
    CHECK(talk.client_gets() == (level == v5 ? wire::ack(5, 9, 0x87) : wire::pubrec(9)));
    CHECK(talk.broker_gets().empty());
    CHECK(talk.events.refusals.size() == 3);
    CHECK_FALSE(talk.closed());
    // The stream is in step.
    talk.client_sends(wire::publish({.level = level, .topic = "up/a"}));
    CHECK(talk.broker_gets() == wire::publish({.level = level, .topic = "up/a"}));
  }
}

TEST_CASE("3.x: a refused QoS 2 exchange is run to its end, PUBREL again and again included") {
  Conversation talk(up_and_down());
  talk.open();
  talk.client_sends(wire::publish({.topic = "no", .qos = 2, .packet_id = 7}));
  CHECK(talk.client_gets() == wire::pubrec(7));
  talk.client_sends(wire::publish({.topic = "no", .qos = 2, .packet_id = 7, .dup = true}));
  CHECK(talk.client_gets() == wire::pubrec(7));
  for (int i = 0; i < 3; ++i) {
    talk.client_sends(wire::pubrel(7));
    CHECK(talk.client_gets() == wire::pubcomp(7));
  }
  // The identifier is free for a message that is allowed; then the broker completes it.
  talk.client_sends(wire::publish({.topic = "up/a", .qos = 2, .packet_id = 7}) + wire::pubrel(7));
  CHECK(talk.broker_gets() ==
        wire::publish({.topic = "up/a", .qos = 2, .packet_id = 7}) + wire::pubrel(7));
  CHECK(talk.client_gets().empty());
}

TEST_CASE(
    "PUBREL of an unknown identifier goes to the broker: it may be of an earlier connection") {
  Conversation talk(up_and_down());
  talk.open();
  talk.client_sends(wire::pubrel(77));
  CHECK(talk.broker_gets() == wire::pubrel(77));
}

TEST_CASE("a payload that is too large is refused from the header, and skipped") {
  policy::PolicySpec spec = up_and_down();
  spec.roles[0].rules[0].max_payload = 10;
  Conversation talk(spec);
  talk.open({.level = v5});
  const std::string big = wire::publish(
      {.level = v5, .topic = "up/a", .payload = std::string(5000, 'x'), .qos = 1, .packet_id = 3});
  talk.client_sends(big.substr(0, big.size() - 5000));
  CHECK(talk.client_gets() == wire::ack(4, 3, 0x83));
  REQUIRE(talk.events.refusals.size() == 1);
  CHECK(talk.events.refusals[0].name == "up");
  const std::string next = wire::publish({.level = v5, .topic = "up/a"});
  talk.client_sends(big.substr(big.size() - 5000) + next);
  CHECK(talk.broker_gets() == next);
  CHECK(talk.memory() < 4096);
}

TEST_CASE("256 MiB announced: nothing is gathered, and 5.0, which was told, ends at once") {
  const std::string header("\x30\xFF\xFF\xFF\x7F\x00\x04up/a", 11);
  Conversation old(up_and_down());
  old.open();
  old.client_sends(header);
  CHECK_FALSE(old.closed());  // nobody told it: the payload is skipped
  CHECK(old.broker_gets().empty());
  CHECK(old.memory() == 0);
  CHECK(old.events.refusals[0].name == "mqtt.packet-too-large");
  CHECK(old.events.refusals[0].action == Action::drop);
  Conversation five(up_and_down());
  five.open({.level = v5});
  five.client_sends(header);
  CHECK(five.client_gets() == wire::disconnect(0x95));
  CHECK(five.events.refusals[0].name == "mqtt.packet-too-large");
}

TEST_CASE("on_deny = disconnect") {
  policy::PolicySpec spec = up_and_down();
  spec.roles[0].on_deny = {Action::disconnect, Action::disconnect};
  Conversation five(spec);
  five.open({.level = v5});
  five.client_sends(wire::publish({.level = v5, .topic = "no", .qos = 1}));
  CHECK(five.client_gets() == wire::disconnect(0x87));
  CHECK(five.closed());
  Conversation old(spec);
  old.open();
  old.client_sends(wire::publish({.topic = "no"}));
  CHECK(old.client_gets().empty());
  CHECK(old.closed());
  CHECK(old.events.end_kind == CloseKind::refused);
  CHECK(old.events.end_detail == "policy.no-rule");
}

TEST_CASE("report: it passes, and is named") {
  policy::PolicySpec spec = up_and_down();
  spec.roles[0].on_deny = {Action::report, Action::report};
  Conversation talk(spec);
  talk.open();
  const std::string publish = wire::publish({.topic = "no"});
  talk.client_sends(publish);
  CHECK(talk.broker_gets() == publish);
  REQUIRE(talk.events.refusals.size() == 1);
  CHECK(talk.events.refusals[0].action == Action::report);
}

TEST_CASE("Response Topic is checked as a publish") {
  Conversation talk(up_and_down());
  talk.open({.level = v5});
  const std::string good = wire::publish(
      {.level = v5, .topic = "up/a", .properties = wire::response_topic("up/answer")});
  talk.client_sends(good);
  CHECK(talk.broker_gets() == good);
  talk.client_sends(wire::publish({.level = v5,
                                   .topic = "up/a",
                                   .qos = 1,
                                   .properties = wire::response_topic("admin/reboot")}));
  CHECK(talk.broker_gets().empty());
  CHECK(talk.client_gets() == wire::ack(4, 1, 0x87));
}

TEST_CASE("trap: an alias that a refused PUBLISH set has its topic put back") {
  Conversation talk(everybody({allow("up", {"up/#"}), deny("big", {"up/no"})}));
  talk.open({.level = v5}, wire::topic_alias_maximum(5));
  const auto with_alias = [](std::string topic, unsigned alias) {
    return wire::publish({.level = v5,
                          .topic = std::move(topic),
                          .payload = "data",
                          .properties = wire::topic_alias(alias)});
  };
  // Set by a PUBLISH that is allowed: alias alone passes as it is.
  talk.client_sends(with_alias("up/a", 1) + with_alias("", 1));
  CHECK(talk.broker_gets() == with_alias("up/a", 1) + with_alias("", 1));
  // Set anew by one that is refused: alias alone means the refused topic.
  talk.client_sends(with_alias("up/no", 1));
  talk.client_sends(with_alias("", 1));
  CHECK(talk.broker_gets().empty());
  CHECK(talk.events.refusals.size() == 2);
  CHECK(talk.events.refusals[1].topic == "up/no");
  talk.set_policy(everybody({allow("up", {"up/#"})}));
  // Allowed now: the broker learns topic and alias together, once.
  talk.client_sends(with_alias("", 1) + with_alias("", 1));
  CHECK(talk.broker_gets() == with_alias("up/no", 1) + with_alias("", 1));
  CHECK(talk.events.rewrites == std::vector{Rewrite::topic_alias});
}

TEST_CASE("an alias above the maximum, or never set, ends the session [MQTT-3.3.2-9]") {
  const auto alias = [](unsigned number) {
    return wire::publish({.level = v5, .topic = "up/a", .properties = wire::topic_alias(number)});
  };
  Conversation above(up_and_down());
  above.open({.level = v5}, wire::topic_alias_maximum(5));
  above.client_sends(alias(6));
  CHECK(above.client_gets() == wire::disconnect(0x94));
  Conversation none(up_and_down());
  none.open({.level = v5});
  none.client_sends(alias(1));
  CHECK(none.client_gets() == wire::disconnect(0x94));
  Conversation unset(up_and_down());
  unset.open({.level = v5}, wire::topic_alias_maximum(5));
  unset.client_sends(wire::publish({.level = v5, .topic = "", .properties = wire::topic_alias(2)}));
  CHECK(unset.client_gets() == wire::disconnect(0x82));
  CHECK(unset.broker_gets().empty());
}

TEST_CASE("QoS 2 without PUBREL, again and again, meets a limit") {
  Bounds bounds;
  bounds.max_qos2_in_flight = 3;
  for (const char* topic : {"up/a", "no"}) {
    Conversation talk(up_and_down(), bounds);
    talk.open();
    for (unsigned id = 1; id <= 3; ++id) {
      talk.client_sends(wire::publish({.topic = topic, .qos = 2, .packet_id = id}));
    }
    CHECK_FALSE(talk.closed());
    // What the policy allows is refused one by one, as often as it may be open again.
    const unsigned more = topic == std::string("up/a") ? 3 : 0;
    for (unsigned id = 4; id < 4 + more; ++id) {
      talk.client_sends(wire::publish({.topic = topic, .qos = 2, .packet_id = id}));
      CHECK(talk.events.refusals.back().name == "mqtt.qos2-in-flight");
      CHECK_FALSE(talk.closed());
    }
    talk.client_sends(wire::publish({.topic = topic, .qos = 2, .packet_id = 9}));
    CHECK(talk.closed());
    CHECK(talk.events.refusals.back().name == "mqtt.qos2-in-flight");
  }
  Conversation done(up_and_down(), bounds);
  done.open();
  for (unsigned id = 1; id <= 20; ++id) {
    done.client_sends(wire::publish({.topic = "up/a", .qos = 2, .packet_id = id}) +
                      wire::pubrel(id));
    done.broker_sends(wire::pubrec(id) + wire::pubcomp(id));
  }
  CHECK_FALSE(done.closed());
}

TEST_CASE("an identifier that is still in use is not taken for a new QoS 2 message") {
  Conversation talk(up_and_down());
  talk.open({.level = v5});
  talk.client_sends(wire::publish({.level = v5, .topic = "up/a", .qos = 2, .packet_id = 4}));
  talk.client_sends(
      wire::publish({.level = v5, .topic = "up/a", .qos = 2, .packet_id = 4, .dup = true}));
  CHECK_FALSE(talk.closed());
  talk.client_sends(wire::publish({.level = v5, .topic = "up/a", .qos = 2, .packet_id = 4}));
  CHECK(talk.client_gets() == wire::disconnect(0x82));
}

TEST_CASE("an own answer waits until a streaming delivery is complete") {
  Conversation talk(up_and_down());
  talk.open();
  const std::string delivery =
      wire::publish({.topic = "down/a", .payload = std::string(1000, 'd')});
  talk.broker_sends(delivery.substr(0, 500));
  talk.client_sends(wire::publish({.topic = "no", .qos = 1, .packet_id = 5}));
  CHECK(talk.client_gets() == delivery.substr(0, 500));
  talk.broker_sends(delivery.substr(500));
  CHECK(talk.client_gets() == delivery.substr(500) + wire::puback(5));
}

TEST_CASE("answers that wait are bounded: their cause is not read further") {
  Conversation talk(up_and_down());
  talk.open();
  const std::string delivery =
      wire::publish({.topic = "down/a", .payload = std::string(1000, 'd')});
  talk.broker_sends(delivery.substr(0, 500));
  std::string flood;
  std::string answers;
  for (unsigned id = 1; id <= 5000; ++id) {
    flood += wire::publish({.topic = "no", .qos = 1, .packet_id = id});
    answers += wire::puback(id);
  }
  talk.client_sends(flood);
  CHECK(talk.paused(Side::client) == Session::kRepliesQueued);
  CHECK(talk.memory() < 16 * 1024);
  talk.broker_sends(delivery.substr(500));
  CHECK(talk.paused(Side::client) == 0);
  CHECK(talk.client_gets() == delivery + answers);
}

TEST_CASE("trap: a QoS 2 message that is said again over a limit stays the broker's") {
  auto spec = up_and_down();
  policy::RateSpec rate;
  rate.messages = Rate{1, std::chrono::seconds(10)};
  rate.burst = 1;
  rate.on_exceed = Action::drop;
  spec.roles[0].rules[0].limit = rate;
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation talk(spec);
    talk.open({.level = level});
    const std::string first =
        wire::publish({.level = level, .topic = "up/a", .qos = 2, .packet_id = 7});
    talk.client_sends(first);
    CHECK(talk.broker_gets() == first);
    talk.client_sends(
        wire::publish({.level = level, .topic = "up/a", .qos = 2, .packet_id = 7, .dup = true}));
    CHECK(talk.events.refusals.size() == 1);
    CHECK(talk.broker_gets().empty());
    CHECK(talk.client_gets().empty());  // the broker's PUBREC is the only one
    talk.broker_sends(wire::pubrec(7));
    CHECK(talk.client_gets() == wire::pubrec(7));
    talk.client_sends(wire::pubrel(7));
    CHECK(talk.broker_gets() == wire::pubrel(7));
    talk.broker_sends(wire::pubcomp(7));
    CHECK(talk.client_gets() == wire::pubcomp(7));
    talk.pass(std::chrono::seconds(10));
    talk.client_sends(first);  // a new message under the same identifier
    CHECK(talk.broker_gets() == first);
  }
}
