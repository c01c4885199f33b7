// What CONNECT and CONNACK say of the two ends binds the other one: packet sizes, QoS, RETAIN,
// Receive Maximum, topic aliases, problem information. All of it is of 5.0.

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::u8;
using wire::v5;

namespace {

constexpr std::uint32_t kSmall = 40;  // Maximum Packet Size
const std::string kLong = std::string(kSmall, 'w');

std::string publish(unsigned qos, unsigned id, bool dup = false) {
  return wire::publish({.level = v5, .topic = "t", .qos = qos, .packet_id = id, .dup = dup});
}
std::string with_alias(unsigned alias, std::string topic = "t") {
  return wire::publish(
      {.level = v5, .topic = std::move(topic), .properties = wire::topic_alias(alias)});
}

/// Of two packets that differ in length only: the short one passes where the receiver takes few
/// bytes, and the long one where it says nothing.
void check_size(const char* ids, Side from, const std::string& fits, const std::string& too_long) {
  REQUIRE(fits.size() <= kSmall);
  REQUIRE(too_long.size() > kSmall);
  const std::string small = wire::maximum_packet_size(kSmall);
  Case c{ids, v5, from, too_long, "mqtt.packet-too-large 95"};
  c.connect = c.connack = kMethod;
  check_passes({ids, v5, from, too_long, {}, c.connect, c.connack});
  (from == Side::client ? c.connack : c.connect) += small;
  check_refused(c);
  check_passes({ids, v5, from, fits, {}, c.connect, c.connack});
}

}  // namespace

TEST_CASE("nobody gets a packet that is larger than what he takes") {
  struct Row {
    const char* ids;  // of the reason string, then of the user property
    const char* more_ids;
    std::string (*make)(std::string_view raw);
  };
  const Row both[] = {
      {"[MQTT-3.4.2-2 from both]", "[MQTT-3.4.2-3 from both]",
       [](std::string_view raw) { return long_ack(4, 1, 0, raw); }},
      {"[MQTT-3.5.2-2 from both]", "[MQTT-3.5.2-3 from both]",
       [](std::string_view raw) { return long_ack(5, 1, 0, raw); }},
      {"[MQTT-3.6.2-2 from both]", "[MQTT-3.6.2-3 from both]",
       [](std::string_view raw) { return long_ack(6, 1, 0, raw); }},
      {"[MQTT-3.7.2-2 from both]", "[MQTT-3.7.2-3 from both]",
       [](std::string_view raw) { return long_ack(7, 1, 0, raw); }},
      {"[MQTT-3.14.2-3 from both]", "[MQTT-3.14.2-4 from both]",
       [](std::string_view raw) { return long_disconnect(0x80, raw); }},
      {"[MQTT-3.15.2-2 from both]", "[MQTT-3.15.2-3 from both]",
       [](std::string_view raw) { return auth(0x18, kMethod + std::string(raw)); }},
  };
  const Row from_broker[] = {
      {"[MQTT-3.9.2-1]", "[MQTT-3.9.2-2]",
       [](std::string_view raw) { return wire::suback(v5, 1, {0}, raw); }},
      {"[MQTT-3.11.2-1]", "[MQTT-3.11.2-2]",
       [](std::string_view raw) { return unsuback(1, {0}, raw); }},
  };
  for (const Row& row : both) {
    for (const Side from : {Side::client, Side::broker}) {
      check_size(row.ids, from, row.make(reason_string("why")), row.make(reason_string(kLong)));
      check_size(row.more_ids, from, row.make(user_property("k", "v")),
                 row.make(user_property("k", kLong)));
    }
  }
  for (const Row& row : from_broker) {
    check_size(row.ids, Side::broker, row.make(reason_string("why")),
               row.make(reason_string(kLong)));
    check_size(row.more_ids, Side::broker, row.make(user_property("k", "v")),
               row.make(user_property("k", kLong)));
  }
  const auto message = [](std::size_t payload) {
    return wire::publish({.level = v5, .topic = "t", .payload = std::string(payload, 'x')});
  };
  check_size("[MQTT-3.2.2-15]", Side::client, message(kSmall - 6), message(kSmall - 5));
  check_size("[MQTT-3.1.2-24 (5.0)]", Side::broker, message(kSmall - 6), message(kSmall - 5));
  check_size("[MQTT-3.2.2-15]", Side::client, wire::subscribe(v5, 1, {{"t", 0}}),
             wire::subscribe(v5, 1, {{kLong, 0}}));
}

TEST_CASE("[MQTT-3.9.2-1] [MQTT-3.9.2-2] codes that are put back take the place of properties") {
  Conversation talk(up_and_down());
  talk.open({.level = v5, .properties = wire::maximum_packet_size(kSmall)});
  talk.client_sends(wire::subscribe(v5, 1, {{"up/a", 0}, {"down/a", 1}, {"up/b", 0}}));
  CHECK(talk.broker_gets() == wire::subscribe(v5, 1, {{"down/a", 1}}));
  talk.broker_sends(wire::suback(v5, 1, {1}, reason_string(std::string(kSmall - 9, 'w'))));
  CHECK(talk.client_gets() == wire::suback(v5, 1, {0x87, 1, 0x87}));
}

TEST_CASE("[MQTT-3.1.2-25] what has become too large for the client is dropped, and acknowledged") {
  Conversation talk(everybody({allow("all", {}, {"#"}), deny("no", {}, {"a/long/topic"})}));
  talk.open({.level = v5,
             .properties = wire::topic_alias_maximum(1) + wire::maximum_packet_size(kSmall)});
  talk.broker_sends(with_alias(1, "a/long/topic"));  // denied, so the client never learns it
  talk.set_policy(everything());
  talk.broker_sends(wire::publish({.level = v5,
                                   .payload = std::string(20, 'x'),
                                   .qos = 1,
                                   .packet_id = 5,
                                   .properties = wire::topic_alias(1)}));
  CHECK(talk.broker_gets() == wire::puback(5));
  CHECK(talk.client_gets().empty());
  CHECK_FALSE(talk.closed());
}

TEST_CASE("what CONNACK says that the broker cannot do") {
  for (const unsigned qos : {1U, 2U}) {
    check_refused({"[MQTT-3.2.2-11]",
                   v5,
                   Side::client,
                   publish(qos, 1),
                   "mqtt.qos 9B",
                   {},
                   u8(0x24) + u8(qos - 1)});
    check_passes(
        {"[MQTT-3.2.2-11]", v5, Side::client, publish(qos - 1, 1), {}, {}, u8(0x24) + u8(qos - 1)});
  }
  // Subscriptions may ask for more, and deliveries are the broker's. [MQTT-3.2.2-10]
  check_passes({"[MQTT-3.2.2-11]",
                v5,
                Side::client,
                wire::subscribe(v5, 1, {{"a", 2}}),
                {},
                {},
                u8(0x24) + u8(0)});
  const std::string retained = wire::publish({.level = v5, .topic = "t", .retain = true});
  check_refused(
      {"[MQTT-3.2.2-14]", v5, Side::client, retained, "mqtt.retain 9A", {}, u8(0x25) + u8(0)});
  check_passes({"[MQTT-3.2.2-14]", v5, Side::client, retained, {}, {}, u8(0x25) + u8(1)});
  check_passes({"[MQTT-3.2.2-14]", v5, Side::client, retained, {}});
}

TEST_CASE("topic aliases, from either side") {
  const std::string three = wire::topic_alias_maximum(3);
  check_refused({"[MQTT-3.3.2-9] [MQTT-3.2.2-17]",
                 v5,
                 Side::client,
                 with_alias(4),
                 "mqtt.topic-alias 94",
                 {},
                 three});
  check_refused({"[MQTT-3.2.2-18]", v5, Side::client, with_alias(1), "mqtt.topic-alias 94"});
  check_refused({"[MQTT-3.2.2-18]",
                 v5,
                 Side::client,
                 with_alias(1),
                 "mqtt.topic-alias 94",
                 {},
                 wire::topic_alias_maximum(0)});
  check_refused({"[MQTT-3.3.2-11] [MQTT-3.1.2-26]", v5, Side::broker, with_alias(4),
                 "mqtt.topic-alias 94", three});
  check_refused({"[MQTT-3.1.2-27]", v5, Side::broker, with_alias(1), "mqtt.topic-alias 94"});
  check_refused({"[MQTT-3.1.2-27]", v5, Side::broker, with_alias(1), "mqtt.topic-alias 94",
                 wire::topic_alias_maximum(0)});
  for (unsigned alias = 1; alias <= 3; ++alias) {
    check_passes({"[MQTT-3.3.2-12]",
                  v5,
                  Side::client,
                  with_alias(alias) + with_alias(alias, ""),
                  {},
                  {},
                  three});
    check_passes({"[MQTT-3.3.2-10]",
                  v5,
                  Side::broker,
                  with_alias(alias) + with_alias(alias, ""),
                  {},
                  three});
  }
  // Another connection begins without any. The check above knew this alias a moment ago.
  from_both(
      check_refused,
      {"[MQTT-3.3.2-7 from both]", v5, {}, with_alias(3, ""), "mqtt.topic-alias 82", three, three});
}

TEST_CASE(
    "[MQTT-3.3.4-7] [MQTT-3.3.4-9] [MQTT-4.9.0-1 from both] [MQTT-4.9.0-2 from both] no more "
    "messages under way than the receiver takes") {
  const std::string two = wire::receive_maximum(2);
  for (const Side from : {Side::client, Side::broker}) {
    const Side to = other(from);
    const auto begin = [&](Conversation& talk) {
      talk.open({.level = v5, .properties = two}, two);
      send(talk, from, publish(1, 1) + publish(2, 2));
      CHECK(gets(talk, to) == publish(1, 1) + publish(2, 2));
    };
    const auto check_full = [&](Conversation& talk) {
      send(talk, from, publish(1, 9));
      CHECK(talk.broker_gets().empty());
      REQUIRE(talk.events.refusals.size() == 1);
      CHECK(talk.events.refusals[0].name == "mqtt.receive-maximum");
      CHECK(talk.closed() == (from == Side::client));
      if (from == Side::client) {
        CHECK(last_refusal(talk) == "mqtt.receive-maximum 93");
        CHECK(talk.client_gets() == wire::disconnect(0x93));
      } else {  // the client can count itself; a lost message would be worse
        CHECK(talk.events.refusals[0].action == Action::report);
        CHECK(talk.client_gets() == publish(1, 9));
      }
    };
    Conversation full(everything());
    begin(full);
    check_full(full);

    // PUBACK makes room, PUBREC does not, PUBREC with an error and PUBCOMP do.
    Conversation talk(everything());
    begin(talk);
    send(talk, to, wire::puback(1) + wire::pubrec(2));
    send(talk, from, publish(2, 3));
    send(talk, to, wire::ack(5, 3, 0x97));
    send(talk, from, wire::pubrel(2));
    send(talk, to, wire::pubcomp(2));
    send(talk, from, publish(1, 4) + publish(1, 5));
    CHECK_FALSE(talk.closed());
    // What was never under way makes no room.
    send(talk, to, wire::puback(4) + wire::puback(5) + wire::puback(70) + wire::puback(71));
    send(talk, from, publish(1, 6) + publish(1, 7));
    CHECK_FALSE(talk.closed());
    (void)talk.client_gets();
    (void)talk.broker_gets();
    check_full(talk);
  }
}

TEST_CASE(
    "[MQTT-3.3.4-8] [MQTT-3.3.4-10] [MQTT-4.9.0-3 from both] all but QoS 1 and 2 goes on without "
    "send quota") {
  const std::string one = wire::receive_maximum(1);
  Conversation talk(everything());
  talk.open({.level = v5, .properties = one}, one);
  talk.client_sends(publish(1, 1));
  talk.broker_sends(publish(1, 1));
  (void)talk.client_gets();
  (void)talk.broker_gets();
  const std::string requests = publish(0, 0) + wire::subscribe(v5, 2, {{"a", 0}}) +
                               wire::unsubscribe(v5, 3, {"b"}) + wire::pingreq() + wire::puback(1);
  talk.client_sends(requests);
  CHECK(talk.broker_gets() == requests);
  const std::string answers = publish(0, 0) + wire::suback(v5, 2, {0}) + unsuback(3, {0}) +
                              wire::pingresp() + wire::puback(1);
  talk.broker_sends(answers);
  CHECK(talk.client_gets() == answers);
}

TEST_CASE("the Receive Maximum that the gateway lowers is the one that holds") {
  Bounds bounds;
  bounds.max_qos2_in_flight = 2;
  Conversation talk(everything(), bounds);
  talk.client_sends(wire::connect({.level = v5}));
  talk.broker_accepts();
  talk.broker_sends(wire::connack(v5));
  CHECK(talk.client_gets().find(wire::receive_maximum(2)) != std::string::npos);
  talk.client_sends(publish(1, 1) + publish(1, 2));
  CHECK_FALSE(talk.closed());
  talk.client_sends(publish(1, 3));
  CHECK(talk.client_gets() == wire::disconnect(0x93));
}

TEST_CASE("[MQTT-3.1.2-29] problem information that was not asked for") {
  const std::string no = u8(0x17) + u8(0);
  for (const std::string& problem : {reason_string("why"), user_property("k", "v")}) {
    for (unsigned type = 4; type <= 7; ++type) {
      check_refused(
          {"ack", v5, Side::broker, long_ack(type, 1, 0, problem), "mqtt.property-unknown 82", no});
      check_passes({"ack, asked for", v5, Side::broker, long_ack(type, 1, 0, problem), {}});
      check_passes({"the client's", v5, Side::client, long_ack(type, 1, 0, problem), {}, no});
    }
    check_refused({"SUBACK", v5, Side::broker, wire::suback(v5, 1, {0}, problem),
                   "mqtt.property-unknown 82", no});
    check_refused(
        {"UNSUBACK", v5, Side::broker, unsuback(1, {0}, problem), "mqtt.property-unknown 82", no});
    check_refused({"AUTH", v5, Side::broker, auth(0x18, kMethod + problem),
                   "mqtt.property-unknown 82", no + kMethod, kMethod});
    check_passes({"DISCONNECT", v5, Side::broker, long_disconnect(0x8B, problem), {}, no});
  }
  check_passes({"PUBLISH",
                v5,
                Side::broker,
                wire::publish({.level = v5, .topic = "t", .properties = user_property("k", "v")}),
                {},
                no});
}
