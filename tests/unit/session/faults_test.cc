// Deliveries of a broker that are wrong: each costs that delivery.

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::text;
using wire::u16;
using wire::u8;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

namespace {

constexpr wire::Level kAll[] = {v3_1, v3_1_1, v5};
const std::string kNul("a\0b", 3);

/// A delivery with a topic as it stands there, of QoS `qos` and with the identifier 7.
std::string loaded_delivery(wire::Level level, const std::string& topic, unsigned qos,
                            const std::string& properties = {}) {
  return wire::publish({.level = level,
                        .topic = topic,
                        .payload = "payload",
                        .qos = qos,
                        .packet_id = 7,
                        .properties = properties});
}

/// It is dropped and acknowledged, in one piece and byte by byte; what stands around it passes.
void check_dropped(wire::Level level, unsigned qos, const std::string& bad, std::string_view check,
                   const std::string& connect = {}) {
  CAPTURE(level);
  CAPTURE(qos);
  const std::string good = wire::publish({.level = level, .topic = "good", .payload = "x"});
  for (const bool whole : {true, false}) {
    Conversation talk(everything());
    talk.open({.level = level, .properties = connect});
    const std::string all = good + bad + good;
    for (std::size_t at = 0; at < all.size(); at += whole ? all.size() : 1) {
      talk.broker_sends(std::string_view(all).substr(at, whole ? all.npos : 1));
    }
    CHECK_FALSE(talk.closed());
    CHECK(talk.client_gets() == good + good);
    REQUIRE(talk.events.refusals.size() == 1);
    CHECK(talk.events.refusals[0].name == check);
    CHECK(talk.events.refusals[0].action == Action::drop);
    if (qos == 0) CHECK(talk.broker_gets().empty());
    if (qos == 1) CHECK(talk.broker_gets() == wire::puback(7));
    if (qos == 2) {
      CHECK(talk.broker_gets() == wire::pubrec(7));
      talk.broker_sends(wire::pubrel(7));
      CHECK(talk.broker_gets() == wire::pubcomp(7));
      CHECK(talk.client_gets().empty());
    }
  }
}

}  // namespace

TEST_CASE("a delivery with a topic that is none is dropped, and acknowledged for the client") {
  for (const wire::Level level : kAll) {
    for (const unsigned qos : {0U, 1U, 2U}) {
      for (const char* latin : {"K\xFChlung", "\xED\xA0\x80", "\xFF"}) {
        check_dropped(level, qos, loaded_delivery(level, latin, qos), "mqtt.utf8");
      }
      check_dropped(level, qos, loaded_delivery(level, kNul, qos), "mqtt.utf8");
      for (const char* wild : {"#", "a/+/b", "a#"}) {
        check_dropped(level, qos, loaded_delivery(level, wild, qos), "mqtt.topic-name");
      }
      check_dropped(level, qos, loaded_delivery(level, "", qos), "mqtt.topic-name");
    }
  }
}

TEST_CASE("vernemq#1883: a delivery with a property that is not legal is dropped") {
  struct Row {
    std::string properties;
    const char* check;
  };
  const Row rows[] = {
      {u8(0x01) + u8(2), "mqtt.property-value"},           // payload format 2
      {u8(0x11) + wire::u32(1), "mqtt.property-unknown"},  // not of a PUBLISH
      {u8(0x7E) + u8(1), "mqtt.property-unknown"},         // of nothing
      {u8(0x03) + text("a") + u8(0x03) + text("b"), "mqtt.property-twice"},
      {u8(0x0B) + u8(0), "mqtt.property-value"},  // subscription identifier 0
      {u8(0x26) + text("k") + text("\xFF"), "mqtt.utf8"},
      {wire::response_topic("a/#"), "mqtt.topic-name"},
      {u8(0x03) + u16(200) + "short", "mqtt.property-length"},  // runs past its end
      {wire::topic_alias(0), "mqtt.topic-alias"},
      {wire::topic_alias(9), "mqtt.topic-alias"},
      {wire::topic_alias(1) + wire::topic_alias(2), "mqtt.property-twice"},
  };
  for (const Row& row : rows) {
    for (const unsigned qos : {0U, 1U, 2U}) {
      check_dropped(v5, qos, loaded_delivery(v5, "t", qos, row.properties), row.check,
                    wire::topic_alias_maximum(3));
    }
  }
  // An alias that was never set.
  check_dropped(v5, 1, loaded_delivery(v5, "", 1, wire::topic_alias(3)), "mqtt.topic-alias",
                wire::topic_alias_maximum(3));
}

TEST_CASE("lengths of a delivery that run past its end cost that delivery") {
  for (const wire::Level level : kAll) {
    // Topic, packet identifier, property length: what cannot be read cannot be acknowledged.
    check_dropped(level, 0, wire::packet(0x30, u16(500) + "abc"), "mqtt.truncated");
    check_dropped(level, 0, wire::packet(0x32, u16(3) + "abc" + u8(1)), "mqtt.truncated");
    check_dropped(level, 0, wire::packet(0x30, u8(0)), "mqtt.remaining-length");
    check_dropped(level, 0, wire::packet(0x30, {}), "mqtt.remaining-length");
    check_dropped(level, 0, wire::packet(0x36, text("t") + u16(7) + u8(0)), "mqtt.qos");
    for (const unsigned qos : {1U, 2U}) {  // packets without identifier
      check_dropped(level, 0,
                    wire::publish({.level = level, .topic = "t", .qos = qos, .packet_id = 0}),
                    "mqtt.packet-identifier");
    }
  }
  check_dropped(v5, 1, wire::packet(0x32, text("t") + u16(7) + u8(50) + "abc"),
                "mqtt.property-length");
  check_dropped(v5, 1, wire::packet(0x32, text("t") + u16(7) + "\xFF\xFF\xFF\xFF\x01"),
                "mqtt.property-length");
  check_dropped(v5, 1, wire::packet(0x32, text("t") + u16(7)), "mqtt.truncated");
}

TEST_CASE("[MQTT-3.1.2-25] a delivery that is larger than the client takes is dropped") {
  const std::string small = wire::maximum_packet_size(60);
  for (const unsigned qos : {0U, 1U, 2U}) {
    const wire::Publish large{
        .level = v5, .topic = "t", .payload = std::string(500, 'x'), .qos = qos, .packet_id = 7};
    check_dropped(v5, qos, wire::publish(large), "mqtt.packet-too-large", small);
    wire::Publish head = large;
    head.properties = user_property("k", std::string(500, 'v'));
    check_dropped(v5, qos, wire::publish(head), "mqtt.packet-too-large", small);
  }
  // More head than is ever gathered: the identifier is known before that.
  Conversation talk(everything());
  talk.open({.level = v5});
  std::string many;
  while (many.size() < 300'000) many += user_property("k", std::string(60'000, 'v'));
  talk.broker_sends(loaded_delivery(v5, "t", 1, many) + loaded_delivery(v5, "t", 0));
  CHECK(talk.client_gets() == loaded_delivery(v5, "t", 0));
  CHECK(talk.broker_gets() == wire::puback(7));
  CHECK(last_refusal(talk) == "mqtt.packet-gathered 97");
  CHECK(talk.memory() < 2000);
}

TEST_CASE("the audit log names the topic of a bad delivery, as far as it can be read") {
  Conversation talk(everything());
  talk.open({.level = v5});
  talk.broker_sends(loaded_delivery(v5, "K\xFChlung", 0));
  talk.broker_sends(loaded_delivery(v5, "t", 0, u8(0x7E)));
  talk.broker_sends(wire::packet(0x30, u16(500) + "abc"));
  REQUIRE(talk.events.refusals.size() == 3);
  CHECK(talk.events.refusals[0].topic == "K\xFChlung");
  CHECK(talk.events.refusals[1].topic == "t");
  CHECK(talk.events.refusals[2].topic.empty());
}

TEST_CASE("on_bad_delivery = disconnect ends the session instead") {
  SessionOptions options;
  options.faults.end_on_bad_delivery = true;
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation talk(everything(), options);
    talk.open({.level = level});
    talk.broker_sends(loaded_delivery(level, "K\xFChlung", 1) + loaded_delivery(level, "t", 0));
    CHECK(talk.closed());
    CHECK(talk.client_gets() == (level == v5 ? wire::disconnect(0x80) : ""));
    CHECK(talk.broker_gets().empty());
    CHECK(talk.events.end_kind == CloseKind::malformed);
  }
}

TEST_CASE("a bad delivery said again gets its acknowledgement again") {
  Conversation talk(everything());
  talk.open();
  wire::Publish bad{.topic = "\xFF", .qos = 2, .packet_id = 7};
  talk.broker_sends(wire::publish(bad));
  CHECK(talk.broker_gets() == wire::pubrec(7));
  bad.dup = true;
  talk.broker_sends(wire::publish(bad));
  CHECK(talk.broker_gets() == wire::pubrec(7));
  talk.broker_sends(wire::pubrel(7));
  CHECK(talk.broker_gets() == wire::pubcomp(7));
}

TEST_CASE("the acknowledgement of a bad delivery keeps the order of arrival [MQTT-4.6.0-2]") {
  Conversation talk(everything());
  talk.open();
  talk.broker_sends(wire::publish({.topic = "t", .qos = 1, .packet_id = 1}) +
                    wire::publish({.topic = "\xFF", .qos = 1, .packet_id = 2}));
  CHECK(talk.broker_gets().empty());
  talk.client_sends(wire::puback(1));
  CHECK(talk.broker_gets() == wire::puback(1) + wire::puback(2));
}

TEST_CASE("an alias that a bad delivery sets never stands for what it stood for before") {
  const std::string aliases = wire::topic_alias_maximum(3);
  const auto alias = [](std::string topic, unsigned number, const std::string& more = {}) {
    return wire::publish(
        {.level = v5, .topic = std::move(topic), .properties = more + wire::topic_alias(number)});
  };
  struct Row {
    std::string bad;
    std::string later;  // what the client gets of a delivery under alias 1 then
  };
  const std::string put_back =
      wire::publish({.level = v5, .topic = "new", .properties = wire::topic_alias(1)});
  const std::string cut = wire::packet(0x30, text("new") + u8(50) + "\x7E" + wire::topic_alias(1));
  const Row rows[] = {
      {alias("new\xFF", 1), ""},                      // nobody can be told its topic
      {alias("new", 1, u8(0x01) + u8(2)), put_back},  // only the other property is wrong
      {alias("new", 1, u8(0x7E)), ""},                // where it ends nobody knows
      {alias("new", 1, wire::topic_alias(1)), ""},    // twice
      {cut, ""},
      {alias("", 1, u8(0x01) + u8(2)), alias("", 1)},  // it sets none
  };
  for (const Row& row : rows) {
    Conversation talk(everything());
    talk.open({.level = v5, .properties = aliases});
    talk.broker_sends(alias("old", 1));
    CHECK(talk.client_gets() == alias("old", 1));
    talk.broker_sends(row.bad + alias("", 1));
    CHECK(talk.client_gets() == row.later);
    // Set anew, it is as good as ever.
    talk.broker_sends(alias("again", 1) + alias("", 1));
    CHECK(talk.client_gets() == alias("again", 1) + alias("", 1));
    CHECK_FALSE(talk.closed());
  }
}

TEST_CASE(
    "what a device cannot say itself: the longest topic and the largest packet that it takes") {
  Bounds bounds;
  bounds.max_delivery_topic = 64;
  bounds.max_delivery = 1000;
  for (const wire::Level level : kAll) {
    const auto publish = [level](std::size_t topic, std::size_t payload) {
      return wire::publish({.level = level,
                            .topic = std::string(topic, 't'),
                            .payload = std::string(payload, 'x'),
                            .qos = 1,
                            .packet_id = 7});
    };
    Conversation talk(everything(), bounds);
    talk.open({.level = level});
    talk.broker_sends(publish(65, 0) + publish(1, 1000));
    CHECK(talk.client_gets().empty());
    CHECK(talk.broker_gets() == wire::puback(7) + wire::puback(7));
    REQUIRE(talk.events.refusals.size() == 2);
    CHECK(talk.events.refusals[0].name == "mqtt.topic-too-long");
    CHECK(talk.events.refusals[1].name == "mqtt.packet-too-large");
    talk.broker_sends(publish(64, 900));
    CHECK(talk.client_gets() == publish(64, 900));
    // The client's own topics are not what is meant.
    talk.client_sends(publish(70, 1));
    CHECK(talk.broker_gets() == publish(70, 1));
  }
  // An alias hides nothing.
  Conversation talk(everything(), bounds);
  talk.open({.level = v5, .properties = wire::topic_alias_maximum(3)});
  const std::string alias = wire::topic_alias(1);
  talk.broker_sends(
      wire::publish({.level = v5, .topic = std::string(65, 't'), .properties = alias}) +
      wire::publish({.level = v5, .properties = alias}));
  CHECK(talk.client_gets().empty());
  CHECK(talk.events.refusals.size() == 2);
  // What MQTT itself allows is no bound.
  Conversation open(everything());
  open.open();
  const std::string longest = wire::publish({.topic = std::string(65'535, 't')});
  open.broker_sends(longest);
  CHECK(open.client_gets() == longest);
}

TEST_CASE("what breaks the framing ends the session, and only that does") {
  for (const wire::Level level : kAll) {
    for (unsigned first = 0; first < 256; ++first) {
      CAPTURE(first);
      Conversation talk(everything());
      talk.open({.level = level});
      talk.broker_sends(u8(first) + "\xFF\xFF\xFF\xFF\x01");
      CHECK(talk.closed());
      CHECK(last_refusal(talk) == "mqtt.remaining-length 81");

      if (first >> 4 == 14 && level == v5) continue;  // DISCONNECT
      Conversation other(everything());
      other.open({.level = level});
      other.broker_sends(u8(first) + u8(3) + "\xFF\xFF\xFF" + wire::pingresp());
      CHECK_FALSE(other.closed());
      const std::string got = other.client_gets();
      CHECK(got.size() <= 5 + 2);
    }
  }
}

TEST_CASE(
    "random bytes of a broker in whole frames: the client gets exact packets or tolerated ones") {
  std::uint64_t seed = 7;
  const auto random = [&seed](unsigned below) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return static_cast<unsigned>(seed >> 33) % below;
  };
  for (const wire::Level level : {v3_1_1, v5}) {
    for (int round = 0; round < 3000; ++round) {
      std::string body;
      for (unsigned left = random(12); left != 0; --left)
        body += u8(random(3) != 0 ? random(4) : random(256));
      const unsigned first = random(256);
      SessionOptions options;
      options.faults.refuse_deviations = true;  // so nothing is tolerated
      Conversation talk(everything(), options);
      talk.open({.level = level, .properties = wire::topic_alias_maximum(3)});
      const std::string packet = wire::packet(first, body);
      talk.broker_sends(packet + wire::publish({.level = level, .topic = "behind"}));
      const std::string got = talk.client_gets();
      CHECK(is_exact(level, got));
      if (!talk.closed()) CHECK(got.ends_with(wire::publish({.level = level, .topic = "behind"})));
    }
  }
}
