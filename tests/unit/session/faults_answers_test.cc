// Answers of a broker that are wrong or odd: CONNACK, acknowledgements, SUBACK, PINGRESP,
// DISCONNECT.

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::text;
using wire::u16;
using wire::u8;
using wire::v3_1_1;
using wire::v5;

namespace {

SessionOptions strict() {
  SessionOptions options;
  options.faults.refuse_deviations = true;
  return options;
}

/// A session that waits for CONNACK.
std::unique_ptr<Conversation> connecting(const wire::Connect& connect,
                                         const SessionOptions& options = {}) {
  auto talk = std::make_unique<Conversation>(everything(), options);
  talk->client_sends(wire::connect(connect));
  talk->broker_accepts();
  (void)talk->broker_gets();
  return talk;
}

/// CONNACK of 5.0 that lowers none of the gateway's bounds, so that nothing is told on the way.
std::string connack5(const std::string& more, unsigned code = 0, unsigned flags = 0) {
  const std::string quiet = wire::receive_maximum(10) + wire::maximum_packet_size(100'000);
  return wire::packet(0x20, u8(flags) + u8(code) + wire::properties(v5, quiet + more));
}

std::vector<std::string> reported(const Conversation& talk, Action action) {
  std::vector<std::string> names;
  for (const auto& refused : talk.events.refusals) {
    if (refused.action == action) names.push_back(refused.name);
  }
  return names;
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("return codes above 5 reach a client of 3.1.1 as they are") {
  for (const unsigned code : {6U, 0x80U, 0x87U, 0x9CU, 0xFFU}) {
    const auto talk = connecting({});
    talk->broker_sends(wire::connack(v3_1_1, code));
    CHECK(talk->client_gets() == wire::connack(v3_1_1, code));
    CHECK(talk->closed());
    CHECK(talk->events.end_kind == CloseKind::broker_refused);
    CHECK(reported(*talk, Action::report) == Names{"mqtt.reason-code"});
    const auto exact = connecting({}, strict());
    exact->broker_sends(wire::connack(v3_1_1, code));
    CHECK(exact->closed());
    CHECK(exact->client_gets().empty());  // 3.x has no code that would be true
  }
}

TEST_CASE("what clients tolerate in CONNACK passes byte for byte, and is reported") {
  struct Row {
    wire::Connect connect;
    std::string connack;
    Names names;
  };
  const Row rows[] = {
      {{.level = v5}, connack5(u8(0x24) + u8(2)), {"mqtt.property-value"}},  // Maximum QoS 2
      {{.level = v5}, connack5({}, 0, 1), {"mqtt.connack-flags"}},
      {{.level = v5}, connack5({}, 0, 0xFE), {"mqtt.connack-flags"}},
      {{.level = v3_1_1}, wire::packet(0x20, u8(1) + u8(0)), {"mqtt.connack-flags"}},
      {{.level = v3_1_1}, wire::packet(0x20, u8(0x80) + u8(0)), {"mqtt.connack-flags"}},
      {{.level = v3_1_1}, wire::packet(0x2F, u8(0) + u8(0)), {"mqtt.fixed-header-flags"}},
      {{.level = v5, .client_id = ""}, connack5({}), {"mqtt.client-id"}},
      {{.level = v5}, connack5(u8(0x1A) + text("info")), {"mqtt.property-unknown"}},
      {{.level = v5}, connack5(wire::authentication_method("M")), {"mqtt.auth-method"}},
  };
  for (const Row& row : rows) {
    const auto talk = connecting(row.connect);
    talk->broker_sends(row.connack);
    CHECK(talk->client_gets() == row.connack);
    CHECK(talk->events.begun == 1);
    CHECK(reported(*talk, Action::report) == row.names);
    CHECK(reported(*talk, Action::drop).empty());
    talk->client_sends(wire::pingreq());
    CHECK(talk->broker_gets() == wire::pingreq());
  }
  // A Remaining Length that is longer than it need be, in 5.0.
  std::string padded = connack5({});
  padded = padded.substr(0, 1) + u8(static_cast<unsigned char>(padded[1]) | 0x80U) + u8(0) +
           padded.substr(2);
  const auto talk = connecting({.level = v5});
  talk->broker_sends(padded);
  CHECK(talk->client_gets() == padded);
  CHECK(talk->events.begun == 1);
}

TEST_CASE("CONNACK goes on without what is wrong with it") {
  struct Row {
    wire::Level level;
    std::string connack;
    std::string instead;
    const char* check;
  };
  const Row rows[] = {
      {v5, connack5(reason_string("a") + reason_string("b")), connack5(reason_string("a")),
       "mqtt.property-twice"},
      {v5, connack5(u8(0x22) + u16(0) + u8(0x1F) + text("\xFF")), connack5(u8(0x22) + u16(0)),
       "mqtt.utf8"},
      {v5, connack5(wire::topic_alias(1)), connack5({}), "mqtt.property-unknown"},
      {v5, connack5(u8(0x25) + u8(7) + u8(0x24) + u8(2)), connack5(u8(0x24) + u8(2)),
       "mqtt.property-value"},
      // Refusals, so that no bound is told: without properties, with codes of 3.1.1, with a tail.
      {v5, wire::packet(0x20, u8(0) + u8(0x87)), wire::connack(v5, 0x87), "mqtt.truncated"},
      {v5, wire::packet(0x20, u8(0) + u8(5)), wire::connack(v5, 0x87), "mqtt.truncated"},
      {v5, wire::packet(0x20, u8(0) + u8(0x87) + u8(0) + "tail"), wire::connack(v5, 0x87),
       "mqtt.trailing-bytes"},
      {v3_1_1, wire::packet(0x20, u8(0) + u8(0) + u8(0)), wire::connack(v3_1_1),
       "mqtt.remaining-length"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.check));
    const auto talk = connecting({.level = row.level});
    talk->broker_sends(row.connack);
    CHECK(talk->client_gets() == row.instead);
    CHECK(reported(*talk, Action::drop) == Names{row.check});
    CHECK(talk->events.rewrites == std::vector{Rewrite::mended});
    CHECK(talk->events.begun == (row.instead[3] == 0 ? 1 : 0));

    const auto exact = connecting({.level = row.level}, strict());
    exact->broker_sends(row.connack);
    CHECK(exact->closed());
    CHECK(exact->client_gets() == (row.level == v5 ? wire::connack(v5, 0x80) : ""));
  }
  // Receive Maximum 0 would be no message at all; without it there is no limit but the gateway's.
  const auto zero = connecting({.level = v5});
  zero->broker_sends(wire::connack(v5, 0, wire::receive_maximum(0)));
  CHECK(is_exact(v5, zero->client_gets()));
  CHECK(zero->events.begun == 1);
}

TEST_CASE("a CONNACK that cannot be taken apart is refused, and the client told what is true") {
  const std::string rows[] = {
      connack5(u8(0x7E) + u8(1)),                          // a property that nobody knows
      connack5(u8(0x1F) + u16(900) + "short"),             // runs past its end
      wire::packet(0x20, u8(0) + u8(0) + u8(40) + "abc"),  // so does the block
      wire::packet(0x20, u8(0)),
      wire::packet(0x20, {}),
  };
  for (const std::string& bad : rows) {
    const auto talk = connecting({.level = v5});
    talk->broker_sends(bad);
    CHECK(talk->closed());
    CHECK(talk->client_gets() == wire::connack(v5, 0x80));
    CHECK(talk->events.end_kind == CloseKind::malformed);
    REQUIRE(talk->events.refusals.size() == 1);
    CHECK(talk->events.refusals[0].from == Side::broker);
    CHECK(talk->events.refusals[0].packet == mqtt::PacketType::connack);
    CHECK(talk->events.refusals[0].name != "session.broker-unavailable");
  }
}

TEST_CASE("a reason code that belongs to another packet passes: PUBACK 0x95") {
  Conversation talk(everything());
  talk.open({.level = v5});
  for (const unsigned code : {0x95U, 0x01U, 0xFFU}) {
    talk.client_sends(wire::publish({.level = v5, .topic = "t", .qos = 1, .packet_id = 3}));
    talk.broker_sends(wire::ack(4, 3, code));
    CHECK(talk.client_gets() == wire::ack(4, 3, code));
  }
  // Once a session, however often.
  CHECK(reported(talk, Action::report) == Names{"mqtt.reason-code"});
  // A failure ends an exchange of QoS 2, whatever it is called.
  talk.client_sends(wire::publish({.level = v5, .topic = "t", .qos = 2, .packet_id = 4}));
  talk.broker_sends(wire::ack(5, 4, 0x95));
  talk.client_sends(wire::publish({.level = v5, .topic = "t", .qos = 2, .packet_id = 4}));
  CHECK_FALSE(talk.closed());

  Conversation exact(everything(), strict());
  exact.open({.level = v5});
  exact.broker_sends(wire::ack(4, 3, 0x95) + wire::ack(7, 3, 0x95));
  CHECK(exact.client_gets() == wire::ack(4, 3, 0x80) + wire::ack(7, 3, 0x92));
  CHECK(reported(exact, Action::drop) == Names{"mqtt.reason-code", "mqtt.reason-code"});
}

TEST_CASE("a wrong acknowledgement reaches the client without what is wrong with it") {
  struct Row {
    wire::Level level;
    std::string ack;
    std::string instead;
    const char* check;
  };
  const Row rows[] = {
      {v5, long_ack(4, 3, 0x87, u8(0x7E) + "x"), wire::ack(4, 3, 0x87), "mqtt.property-unknown"},
      {v5, long_ack(5, 3, 0, reason_string("\xFF")), wire::pubrec(3), "mqtt.utf8"},
      {v5, long_ack(6, 3, 0, reason_string("a") + reason_string("b")), wire::pubrel(3),
       "mqtt.property-twice"},
      {v5, long_ack(7, 3, 0x92, {}) + "", long_ack(7, 3, 0x92, {}), nullptr},
      {v3_1_1, wire::packet(0x40, u16(3) + u8(0)), wire::puback(3), "mqtt.remaining-length"},
      {v3_1_1, wire::packet(0xB0, u16(3) + u8(0)), wire::packet(0xB0, u16(3)),
       "mqtt.remaining-length"},
      // Nothing can be said of what names nothing: mosquitto#2427
      {v3_1_1, wire::puback(0), "", "mqtt.packet-identifier"},
      {v5, wire::puback(0), "", "mqtt.packet-identifier"},
      {v5, wire::packet(0x40, u8(1)), "", "mqtt.remaining-length"},
  };
  for (const Row& row : rows) {
    Conversation talk(everything());
    talk.open({.level = row.level});
    talk.broker_sends(row.ack);
    CHECK(talk.client_gets() == row.instead);
    CHECK_FALSE(talk.closed());
    CHECK(reported(talk, Action::drop) == (row.check ? Names{row.check} : Names{}));
  }
}

TEST_CASE("PINGRESP with a body, with flags, and for nobody") {
  for (const wire::Level level : {v3_1_1, v5}) {
    for (const std::string& odd :
         {wire::packet(0xD0, "x"), wire::packet(0xD0, std::string(300, 'x')),
          wire::packet(0xD5, {})}) {
      Conversation talk(everything());
      talk.open({.level = level});
      talk.client_sends(wire::pingreq() + wire::pingreq());
      talk.broker_sends(odd + odd);
      CHECK(talk.client_gets() == odd + odd);
      CHECK(reported(talk, Action::report).size() == 1);
      Conversation exact(everything(), strict());
      exact.open({.level = level});
      exact.client_sends(wire::pingreq());
      exact.broker_sends(odd);
      CHECK(exact.client_gets() == wire::pingresp());
    }
  }
}

TEST_CASE("redelivery without DUP, and DUP where it means nothing") {
  for (const wire::Level level : {v3_1_1, v5}) {
    for (const unsigned qos : {1U, 2U}) {
      Conversation talk(everything());
      talk.open({.level = level});
      const std::string again =
          wire::publish({.level = level, .topic = "t", .qos = qos, .packet_id = 5});
      talk.broker_sends(again + again + again);
      CHECK(talk.client_gets() == again + again + again);
      CHECK(reported(talk, Action::report) == Names{"mqtt.packet-identifier"});
      talk.client_sends(qos == 1 ? wire::puback(5) : wire::pubrec(5));
      CHECK(talk.broker_gets() == (qos == 1 ? wire::puback(5) : wire::pubrec(5)));
    }
    Conversation talk(everything());
    talk.open({.level = level});
    const std::string dup = wire::publish({.level = level, .topic = "t", .dup = true});
    talk.broker_sends(dup);
    CHECK(talk.client_gets() == dup);
    CHECK(reported(talk, Action::report) == Names{"mqtt.qos"});
  }
}

TEST_CASE(
    "CVE-2024-10525, MQTT-C: a SUBACK has a code for every filter when it reaches the client") {
  for (const wire::Level level : {v3_1_1, v5}) {
    const std::string none = wire::packet(0x90, u16(9) + wire::properties(level));
    struct Row {
      std::string answer;
      std::initializer_list<unsigned> codes;  // that the client gets
    };
    const Row rows[] = {
        {none, {0x80, 0x80}},
        {wire::suback(level, 9, {1}), {1, 0x80}},
        {wire::suback(level, 9, {1, 0, 2}), {1, 0}},
        {wire::suback(level, 9, {1, 3}), {0x80, 0x80}},  // no QoS that exists
        {wire::suback(level, 9, {1, 0x7F}), {0x80, 0x80}},
        {wire::packet(0x90, u16(9) + u8(200) + "x" + u8(1)),
         {0x80, 0x80}},  // 5.0: length, 3.x: codes
    };
    for (const Row& row : rows) {
      Conversation talk(everything());
      talk.open({.level = level});
      talk.client_sends(wire::subscribe(level, 9, {{"a", 0}, {"b", 1}}));
      talk.broker_sends(row.answer);
      CHECK(talk.client_gets() == wire::suback(level, 9, row.codes));
      CHECK_FALSE(talk.closed());
      CHECK(reported(talk, Action::drop).size() == 1);
      // Nobody has asked under this identifier any more, so nothing can be made up.
      talk.broker_sends(none);
      CHECK(talk.client_gets().empty());
    }
    // With filters that the gateway itself took out, all codes stand in their places.
    Conversation part(up_and_down());
    part.open({.level = level});
    part.client_sends(wire::subscribe(level, 9, {{"no", 0}, {"down/a", 1}, {"down/b", 1}}));
    part.broker_sends(wire::suback(level, 9, {1}));
    CHECK(part.client_gets() == wire::suback(level, 9, {level == v5 ? 0x87U : 0x80U, 1, 0x80}));
    // A failure is one, whatever it is called.
    Conversation odd(everything());
    odd.open({.level = level});
    odd.client_sends(wire::subscribe(level, 9, {{"a", 0}}));
    odd.broker_sends(wire::suback(level, 9, {0x96}));
    CHECK(odd.client_gets() == wire::suback(level, 9, {0x96}));
    CHECK(reported(odd, Action::report) == Names{"mqtt.reason-code"});
  }
  Conversation talk(everything());
  talk.open({.level = v5});
  talk.client_sends(wire::unsubscribe(v5, 9, {"a", "b"}));
  talk.broker_sends(unsuback(9, {0}));
  CHECK(talk.client_gets() == unsuback(9, {0, 0x80}));
}

TEST_CASE("an UNSUBACK answers no SUBSCRIBE, and a SUBACK no UNSUBSCRIBE") {
  const std::string request = wire::subscribe(v5, 9, {{"no", 0}, {"down/a", 1}});
  const std::string undo = wire::unsubscribe(v5, 9, {"a"});
  const std::string broken_unsuback = wire::packet(0xB0, u16(9) + u8(200) + u8(0));
  struct Row {
    std::string asked, wrong, right, told;
  };
  const Row rows[] = {
      {request, unsuback(9, {0}), wire::suback(v5, 9, {1}), wire::suback(v5, 9, {0x87, 1})},
      {request, broken_unsuback, wire::suback(v5, 9, {1}), wire::suback(v5, 9, {0x87, 1})},
      {undo, wire::suback(v5, 9, {1}), unsuback(9, {0x11}), unsuback(9, {0x11})},
  };
  for (const Row& row : rows) {
    Conversation talk(up_and_down());
    talk.open({.level = v5});
    talk.client_sends(row.asked);
    talk.broker_sends(row.wrong);
    CHECK(talk.client_gets().empty());
    CHECK(talk.events.refusals.back().from == Side::broker);
    CHECK_FALSE(talk.closed());
    talk.broker_sends(row.right);  // it is still awaited
    CHECK(talk.client_gets() == row.told);
  }
}

TEST_CASE("a filter about which a wrong SUBACK says nothing counts as held") {
  Bounds bounds;
  bounds.max_subscriptions = 2;
  Conversation talk(everything(), bounds);
  talk.open();
  talk.client_sends(wire::subscribe(v3_1_1, 9, {{"a", 0}, {"b", 1}}));
  talk.broker_sends(wire::suback(v3_1_1, 9, {0}));
  (void)talk.client_gets();
  (void)talk.broker_gets();
  talk.client_sends(wire::subscribe(v3_1_1, 10, {{"c", 0}}));
  CHECK(talk.broker_gets().empty());
  CHECK(talk.client_gets() == wire::suback(v3_1_1, 10, {0x80}));
}

TEST_CASE("packets that a client has no use for are dropped") {
  for (const wire::Level level : {v3_1_1, v5}) {
    for (const std::string& odd :
         {u8(0) + u8(0), wire::pingreq(), wire::subscribe(level, 1, {{"a", 0}}),
          wire::connect({.level = level}), wire::connack(level), wire::packet(0xF0, {})}) {
      Conversation talk(everything());
      talk.open({.level = level});
      talk.broker_sends(odd + wire::puback(1));
      CHECK(talk.client_gets() == wire::puback(1));
      CHECK_FALSE(talk.closed());
    }
  }
  // 3.x has no DISCONNECT of a broker's. What ends the session is its connection.
  Conversation talk(everything());
  talk.open();
  talk.broker_sends(wire::disconnect());
  CHECK(talk.client_gets().empty());
  CHECK_FALSE(talk.closed());
  talk.ends(Side::broker);
  CHECK(talk.events.end_kind == CloseKind::closed);
}

TEST_CASE("DISCONNECT of a broker's reaches the client, exact") {
  struct Row {
    std::string said;
    std::string gets;
    std::string gets_strict;
  };
  const Row rows[] = {
      {wire::disconnect(0x04), wire::disconnect(0x04), wire::disconnect(0x80)},
      {long_disconnect(0x8E, wire::session_expiry(1)), wire::disconnect(0x8E),
       wire::disconnect(0x8E)},
      {long_disconnect(0x8B, u8(0x7E)), wire::disconnect(0x8B), wire::disconnect(0x8B)},
      {wire::disconnect(0x8B), wire::disconnect(0x8B), wire::disconnect(0x8B)},
  };
  for (const Row& row : rows) {
    for (const bool exact : {false, true}) {
      Conversation talk(everything(), exact ? strict() : SessionOptions());
      talk.open({.level = v5});
      talk.broker_sends(row.said + wire::pingresp());
      CHECK(talk.client_gets() == (exact ? row.gets_strict : row.gets));
      CHECK(talk.closed());
      CHECK(talk.events.end_kind == CloseKind::disconnect);
    }
  }
}

TEST_CASE("4.11: a Server Reference is taken out unless it is allowed; all else stays") {
  const auto reference = [](std::string_view to) { return u8(0x1C) + text(to); };
  const std::string before = reason_string("move");
  const std::string after = user_property("k", "v");
  SessionOptions options;
  options.faults.server_references = {"other.example:8883", "plain.example"};
  struct Row {
    const char* reference;
    bool allowed;
  };
  const Row rows[] = {
      {"other.example:8883", true},
      {"OTHER.Example:8883", true},
      {"other.example:8883 plain.example", true},
      {"other.example", false},
      {"other.example:8883 evil.example", false},
      {"evil.example:8883", false},
      {"other.example:88831", false},
      {"", false},
      {" ", false},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.reference));
    const std::string with = before + reference(row.reference) + after;
    const std::string without = before + after;
    const std::string& expected = row.allowed ? with : without;
    const std::vector<Rewrite> rewrites(row.allowed ? 0 : 1, Rewrite::server_reference);
    for (const unsigned code : {0x9CU, 0x9DU}) {
      const auto refused = connecting({.level = v5}, options);
      refused->broker_sends(wire::connack(v5, code, with));
      CHECK(refused->client_gets() == wire::connack(v5, code, expected));
      CHECK(refused->events.rewrites == rewrites);
      CHECK(refused->closed());

      Conversation open(everything(), options);
      open.open({.level = v5});
      open.events.rewrites.clear();
      open.broker_sends(long_disconnect(code, with));
      CHECK(open.client_gets() == long_disconnect(code, expected));
      CHECK(open.events.rewrites == rewrites);
    }
    // A CONNACK that lets the client in may carry one too, and gets the gateway's bounds beside.
    const auto accepted = connecting({.level = v5}, options);
    accepted->broker_sends(connack5(with));
    CHECK(accepted->client_gets() == connack5(expected));
    const auto lowered = connecting({.level = v5}, options);
    lowered->broker_sends(wire::connack(v5, 0, with));
    const std::string got = lowered->client_gets();
    CHECK((got.find(reference(row.reference)) != std::string::npos) == row.allowed);
    CHECK(got.find(wire::receive_maximum(100)) != std::string::npos);
    CHECK(is_exact(v5, got));
  }
  // Where bounds would make it too large for the client, the reference goes all the same.
  const auto small = connecting({.level = v5, .properties = wire::maximum_packet_size(40)});
  small->broker_sends(
      wire::connack(v5, 0, reference("evil.example:1883") + user_property("k", "v")));
  CHECK(small->client_gets().find("evil") == std::string::npos);
}
