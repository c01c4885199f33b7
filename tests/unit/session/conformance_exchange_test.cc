// Exchanges of messages: who acknowledges what, packet identifiers, order, and that what is handed
// on is handed on unaltered.

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::u8;
using wire::v3_1_1;
using wire::v5;

namespace {

/// Allowed and refused topics, in both directions.
policy::PolicySpec some() {
  return everybody({allow("all", {"#"}, {"#"}), deny("no", {"no/#"}, {"no/#"})});
}

std::string message(wire::Level level, std::string topic, unsigned qos, unsigned id,
                    bool dup = false) {
  return wire::publish(
      {.level = level, .topic = std::move(topic), .qos = qos, .packet_id = id, .dup = dup});
}

/// How the gateway answers a refused message of QoS 2: only to a 5.0 client can it say no.
std::string pubrec(wire::Level level, Side from, unsigned id) {
  return level == v5 && from == Side::client ? wire::ack(5, id, 0x87) : wire::pubrec(id);
}
std::string puback(wire::Level level, Side from, unsigned id) {
  return level == v5 && from == Side::client ? wire::ack(4, id, 0x87) : wire::puback(id);
}

/// Runs a body for every version and either side as the sender.
template <typename Body>
void for_all(Body body) {
  for (const wire::Level level : wire::kBoth) {
    for (const Side from : {Side::client, Side::broker}) {
      CAPTURE(level);
      CAPTURE(to_string(from));
      Conversation talk(some());
      talk.open({.level = level});
      body(talk, level, from, other(from));
    }
  }
}

}  // namespace

TEST_CASE(
    "[MQTT-3.3.4-1 from both] [MQTT-2.3.1-6 from both] [MQTT-2.2.1-5 from both] [MQTT-4.3.2-2 "
    "(3.1.1) from both] [MQTT-4.3.2-4 from both] [MQTT-4.3.2-5 from both] [MQTT-4.5.0-2] "
    "[MQTT-3.3.5-2] a refused message of QoS 1 is acknowledged under its identifier, every time") {
  for_all([](Conversation& talk, wire::Level level, Side from, Side to) {
    for (const unsigned id : {1U, 7U, 0x1234U, 65'535U}) {
      for (const bool dup : {false, true, false}) {
        send(talk, from, message(level, "no/t", 1, id, dup));
        CHECK(gets(talk, from) == puback(level, from, id));
      }
    }
    CHECK(gets(talk, to).empty());
    CHECK_FALSE(talk.closed());
  });
}

TEST_CASE(
    "[MQTT-3.3.4-1 from both] [MQTT-2.3.1-6 from both] [MQTT-2.2.1-5 from both] [MQTT-4.3.3-2 "
    "(3.1.1) from both] [MQTT-4.3.3-8 from both] [MQTT-4.3.3-10 from broker] [MQTT-4.3.3-11 from "
    "broker] [MQTT-4.3.3-12 from broker] [MQTT-4.5.0-2] [MQTT-3.3.5-2] a refused message of QoS 2 "
    "is carried to its end, under its identifier") {
  for_all([](Conversation& talk, wire::Level level, Side from, Side to) {
    for (const unsigned id : {1U, 0x1234U, 65'535U}) {
      // Sent again before PUBREL it is still the same message.
      for (const bool dup : {false, true, true}) {
        send(talk, from, message(level, "no/t", 2, id, dup));
        CHECK(gets(talk, from) == pubrec(level, from, id));
      }
      CHECK(gets(talk, to).empty());
      if (level == v5 && from == Side::client) continue;  // PUBREC has ended it
      send(talk, from, wire::pubrel(id));
      CHECK(gets(talk, from) == wire::pubcomp(id));
      CHECK(gets(talk, to).empty());
      // From here on the identifier stands for another message, which may be allowed.
      send(talk, from, message(level, "yes", 2, id));
      CHECK(gets(talk, to) == message(level, "yes", 2, id));
      CHECK(gets(talk, from).empty());
      send(talk, to, wire::pubrec(id));
      send(talk, from, wire::pubrel(id));
      send(talk, to, wire::pubcomp(id));
      CHECK(gets(talk, from) == wire::pubrec(id) + wire::pubcomp(id));
      CHECK(gets(talk, to) == wire::pubrel(id));
    }
    CHECK_FALSE(talk.closed());
  });
}

TEST_CASE(
    "[MQTT-4.3.3-9 from both] [MQTT-4.3.3-12 from client] [MQTT-4.3.3-10 from client] "
    "[MQTT-4.3.3-11 from client] 5.0: a PUBREC of 0x80 or more, or PUBCOMP, frees the identifier") {
  // The gateway's own PUBREC to a client.
  Conversation own(some());
  own.open({.level = v5});
  own.client_sends(message(v5, "no/t", 2, 3));
  CHECK(own.client_gets() == wire::ack(5, 3, 0x87));
  own.client_sends(message(v5, "yes", 2, 3));
  CHECK(own.broker_gets() == message(v5, "yes", 2, 3));
  CHECK(own.client_gets().empty());

  // Those of the receivers, and in between nothing is the gateway's to acknowledge.
  for_all([](Conversation& talk, wire::Level level, Side from, Side to) {
    if (level != v5) return;
    for (const std::string& end : {wire::ack(5, 8, 0x97), wire::pubrec(8)}) {
      send(talk, from, message(v5, "yes", 2, 8));
      CHECK(gets(talk, to) == message(v5, "yes", 2, 8));
      send(talk, from, message(v5, "yes", 2, 8, true));
      CHECK(gets(talk, to) == message(v5, "yes", 2, 8, true));
      send(talk, to, end);
      CHECK(gets(talk, from) == end);
      if (end.size() == 4) {  // not an error
        send(talk, from, wire::pubrel(8));
        CHECK(gets(talk, to) == wire::pubrel(8));
        CHECK(gets(talk, from).empty());
        send(talk, to, wire::pubcomp(8));
        CHECK(gets(talk, from) == wire::pubcomp(8));
      }
    }
    send(talk, from, message(v5, "yes", 2, 8));
    CHECK_FALSE(talk.closed());
  });
}

TEST_CASE(
    "[MQTT-4.3.3-1 (3.1.1) from both] [MQTT-4.3.3-1 (5.0) from both] [MQTT-2.3.1-2] [MQTT-2.3.1-4] "
    "[MQTT-2.2.1-3] [MQTT-2.2.1-4] an identifier in use is not one for a new message") {
  for_all([](Conversation& talk, wire::Level level, Side from, Side to) {
    send(talk, from, message(level, "yes", 2, 8));
    send(talk, to, wire::pubrec(8));
    (void)gets(talk, from);
    (void)gets(talk, to);
    send(talk, from, message(level, "other", 2, 8));
    CHECK(talk.closed() == (from == Side::client));
    CHECK(talk.broker_gets().empty());
    REQUIRE(talk.events.refusals.size() == 1);
    CHECK(talk.events.refusals[0].name == "mqtt.packet-identifier");
    if (from == Side::client) {
      CHECK(last_refusal(talk) == "mqtt.packet-identifier 91");
      CHECK(talk.client_gets() == (level == v5 ? wire::disconnect(0x82) : ""));
    } else {  // a broker that sends again and forgets DUP: clients take it for what it is
      CHECK(talk.events.refusals[0].action == Action::report);
      CHECK(talk.client_gets() == message(level, "other", 2, 8));
    }
  });
  // A broker's QoS 1 is followed as well.
  for (const wire::Level level : wire::kBoth) {
    Conversation talk(some());
    talk.open({.level = level});
    talk.broker_sends(message(level, "yes", 1, 4));
    talk.client_sends(wire::puback(4));
    talk.broker_sends(message(level, "yes", 1, 4));
    CHECK(talk.events.refusals.empty());
    talk.broker_sends(message(level, "yes", 1, 4));
    CHECK(last_refusal(talk).starts_with("mqtt.packet-identifier"));
  }
  const std::string subscribe = wire::subscribe(v5, 6, {{"a", 0}});
  for (const std::string& first : {subscribe, wire::unsubscribe(v5, 6, {"a"})}) {
    for (const std::string& second : {subscribe, wire::unsubscribe(v5, 6, {"a"})}) {
      Conversation talk(some());
      talk.open({.level = v5});
      talk.client_sends(first + second);
      CHECK(talk.broker_gets() == first);
      CHECK(talk.client_gets() == wire::disconnect(0x82));
    }
  }
}

TEST_CASE(
    "[MQTT-2.3.1-3] [MQTT-2.3.1-5 from both] what is sent again keeps its identifier, and QoS 0 "
    "has none") {
  for_all([](Conversation& talk, wire::Level level, Side from, Side to) {
    for (const unsigned qos : {1U, 2U}) {
      const std::string first = message(level, "yes", qos, 10 + qos);
      const std::string again = message(level, "yes", qos, 10 + qos, true);
      send(talk, from, first + again);
      CHECK(gets(talk, to) == first + again);
    }
    // There is nothing to acknowledge, whatever the payload looks like.
    send(talk, from, wire::publish({.level = level, .topic = "no/t", .payload = {0, 1}}));
    CHECK(gets(talk, from).empty());
  });
  // A client of 3.1.1 may ask again, too.
  const std::string subscribe = wire::subscribe(v3_1_1, 6, {{"a", 0}});
  Conversation talk(some());
  talk.open();
  talk.client_sends(subscribe + subscribe);
  CHECK(talk.broker_gets() == subscribe + subscribe);
  talk.broker_sends(wire::suback(v3_1_1, 6, {0}) + wire::suback(v3_1_1, 6, {0}));
  CHECK(talk.client_gets() == wire::suback(v3_1_1, 6, {0}) + wire::suback(v3_1_1, 6, {0}));
}

TEST_CASE(
    "[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] "
    "[MQTT-3.3.2-20] "
    "[MQTT-2.2.1-2 from both] [MQTT-4.7.3-3 (5.0) from both] a PUBLISH whose topic is put back is "
    "the same in all else") {
  const std::string meant = u8(1) + u8(1) + user_property("z", "1") +
                            wire::response_topic("answer") + user_property("a", "2") + u8(9) +
                            wire::text("corr\xFF") + user_property("z", "1") + u8(3) +
                            wire::text("type") + wire::topic_alias(1) + user_property("b", "");
  Bounds bounds;
  bounds.max_topic_length = 65'535;
  for (const Side from : {Side::client, Side::broker}) {
    for (const std::string& topic : {std::string("no/t"), "no/" + std::string(65'532, 't')}) {
      for (const unsigned qos : {0U, 1U, 2U}) {
        const wire::Publish sets{.level = v5, .topic = topic, .properties = wire::topic_alias(1)};
        wire::Publish uses{.level = v5,
                           .payload = "payload",
                           .qos = qos,
                           .packet_id = 5,
                           .retain = true,
                           .properties = meant};
        Conversation talk(some(), bounds);
        talk.open({.level = v5, .properties = wire::topic_alias_maximum(1)},
                  wire::topic_alias_maximum(1));
        send(talk, from, wire::publish(sets));
        talk.set_policy(everything());
        send(talk, from, wire::publish(uses));
        uses.topic = topic;
        CHECK((gets(talk, other(from)) == wire::publish(uses)));
        CHECK(talk.events.rewrites == std::vector{Rewrite::topic_alias});
        // Now the receiver knows the alias, and everything is verbatim.
        uses.topic.clear();
        uses.packet_id = 6;
        send(talk, from, wire::publish(uses));
        CHECK((gets(talk, other(from)) == wire::publish(uses)));
      }
    }
  }
}

TEST_CASE(
    "[MQTT-4.6.0-1] [MQTT-4.6.0-5 (3.1.1)] [MQTT-4.6.0-6 (3.1.1)] [MQTT-4.6.0-5 (5.0)] "
    "[MQTT-4.6.0-6 (5.0)] messages stay in order, also around one that is dropped") {
  for_all([](Conversation& talk, wire::Level level, Side from, Side to) {
    std::string all;
    std::string allowed;
    for (unsigned id = 1; id <= 30; ++id) {
      const bool refused = id % 7 == 3;
      // A resent one now and then, as after a reconnection.
      const std::string one =
          message(level, refused ? "no/t" : "yes", id % 3, id, id % 3 && id < 9);
      all += one;
      if (!refused) allowed += one;
    }
    send(talk, from, all);
    CHECK(gets(talk, to) == allowed);
  });
}

TEST_CASE(
    "[MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4] acknowledgements have the order of what they "
    "acknowledge, the gateway's own among them") {
  for (const wire::Level level : wire::kBoth) {
    for (const unsigned qos : {1U, 2U}) {
      Conversation talk(some());
      talk.open({.level = level});
      talk.broker_sends(message(level, "yes", qos, 1) + message(level, "no/t", qos, 2) +
                        message(level, "yes", qos, 3) + message(level, "no/t", qos, 4));
      CHECK(talk.broker_gets().empty());
      const unsigned type = qos == 1 ? 4 : 5;
      talk.client_sends(wire::ack(type, 1));
      CHECK(talk.broker_gets() == wire::ack(type, 1) + wire::ack(type, 2));
      talk.client_sends(wire::ack(type, 3));
      CHECK(talk.broker_gets() == wire::ack(type, 3) + wire::ack(type, 4));
    }
    Conversation talk(some());
    talk.open({.level = level});
    for (const unsigned id : {1U, 2U, 3U}) talk.client_sends(message(level, "yes", 2, id));
    talk.broker_sends(wire::pubrec(1) + wire::pubrec(2) + wire::pubrec(3));
    CHECK(talk.client_gets() == wire::pubrec(1) + wire::pubrec(2) + wire::pubrec(3));
    (void)talk.broker_gets();
    talk.client_sends(wire::pubrel(1) + wire::pubrel(2) + wire::pubrel(3));
    CHECK(talk.broker_gets() == wire::pubrel(1) + wire::pubrel(2) + wire::pubrel(3));
  }
}

TEST_CASE(
    "[MQTT-4.8.0-2 from both] what cannot be processed for want of the other side ends the "
    "connection that it came on") {
  Conversation no_broker(everything());
  no_broker.client_sends(wire::connect());
  no_broker.broker_refuses();
  CHECK(no_broker.closed());
  CHECK(no_broker.client_gets() == wire::connack(v3_1_1, 3));
  for (const Side gone : {Side::client, Side::broker}) {
    Conversation talk(everything());
    talk.open();
    talk.ends(gone, CloseKind::network_error);
    CHECK(talk.closed());
    CHECK(talk.events.end_kind == CloseKind::network_error);
  }
}
