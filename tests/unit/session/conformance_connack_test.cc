// CONNACK, and what may come before it.

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::u8;
using wire::v3_1_1;
using wire::v5;

namespace {

enum class Outcome {
  passes,
  tolerated,  // passes and is reported, or is refused if the gateway is told to
  dropped,    // and CONNACK may still come
  refused,
};
using enum Outcome;

struct ConnackRow {
  const char* ids;
  wire::Connect connect;
  std::string first;  // what the broker says
  Outcome outcome = passes;
  std::string expected = {};  // check and reason code
};

/// What is refused never reaches the client: one of 5.0 is told "unspecified error", which is true,
/// and one of 3.x, which has no code for that, sees the connection close.
void check(const ConnackRow& row, bool refuse_deviations) {
  CAPTURE(std::string(row.ids));
  CAPTURE(refuse_deviations);
  SessionOptions options;
  options.faults.refuse_deviations = refuse_deviations;
  Conversation talk(everything(), options);
  talk.client_sends(wire::connect(row.connect));
  talk.broker_accepts();
  (void)talk.broker_gets();
  talk.broker_sends(row.first);
  const std::string name = row.expected.substr(0, row.expected.find(' '));
  const bool lenient = row.outcome == tolerated && !refuse_deviations;
  if (row.outcome == passes || lenient) {
    CHECK(talk.events.refusals.size() == (lenient ? 1 : 0));
    if (lenient) CHECK(talk.events.refusals.at(0).name == name);
    const bool accepts = row.first[3] == 0;
    CHECK(talk.closed() == !accepts);
    CHECK(talk.events.begun == (accepts ? 1 : 0));
    const std::string got = talk.client_gets();
    CHECK(got.substr(2, 2) == row.first.substr(2, 2));
    if (!accepts) CHECK(got == row.first);  // else limits may be told
    return;
  }
  CHECK(last_refusal(talk) == row.expected);
  CHECK(talk.events.begun == 0);
  CHECK(talk.broker_gets().empty());
  if (row.outcome == dropped) {
    CHECK_FALSE(talk.closed());
    CHECK(talk.client_gets().empty());
    talk.broker_sends(wire::connack(row.connect.level));
    CHECK(talk.events.begun == 1);
    return;
  }
  CHECK(talk.closed());
  CHECK(talk.client_gets() == (row.connect.level == v5 ? wire::connack(v5, 0x80) : ""));
}

}  // namespace

TEST_CASE("what a broker must not say before or in CONNACK") {
  const wire::Connect old{.level = v3_1_1};
  const wire::Connect five{.level = v5};
  const wire::Connect small{.level = v5, .properties = wire::maximum_packet_size(20)};
  const wire::Connect asks{.level = v5, .properties = u8(0x19) + u8(1)};
  const wire::Connect with_method{.level = v5, .properties = kMethod};
  const std::string info = u8(0x1A) + wire::text("info");
  const ConnackRow rows[] = {
      {"[MQTT-3.2.0-1 (3.1.1)]", old, wire::publish({.topic = "t"}), dropped,
       "mqtt.connect-first 82"},
      {"[MQTT-3.2.0-1 (3.1.1)]", old, wire::pingresp(), dropped, "mqtt.connect-first 82"},
      {"[MQTT-3.2.0-1 (5.0)]", five, wire::publish({.level = v5, .topic = "t"}), dropped,
       "mqtt.connect-first 82"},
      {"[MQTT-3.2.0-1 (5.0)]", five, wire::suback(v5, 1, {0}), dropped, "mqtt.connect-first 82"},
      {"[MQTT-3.2.0-1 (5.0)] [MQTT-3.14.0-1]", five, wire::disconnect(0x8B), dropped,
       "mqtt.connect-first 82"},
      {"[MQTT-3.2.2-1 (5.0)]", five, wire::packet(0x20, u8(2) + u8(0) + u8(0)), tolerated,
       "mqtt.connack-flags 81"},
      {"[MQTT-3.2.2-1 (3.1.1)]", old, wire::connack(v3_1_1, 0, {}, true), tolerated,
       "mqtt.connack-flags 82"},
      {"[MQTT-3.2.2-1 (3.1.1)] none", old, wire::connack(v3_1_1)},
      {"3.2.2-2 of 3.1.1: one",
       {.level = v3_1_1, .clean = false},
       wire::connack(v3_1_1, 0, {}, true)},
      {"[MQTT-3.2.2-2 (5.0)]", five, wire::connack(v5, 0, {}, true), tolerated,
       "mqtt.connack-flags 82"},
      {"3.2.2-3 of 5.0: one", {.level = v5, .clean = false}, wire::connack(v5, 0, {}, true)},
      {"[MQTT-3.2.2-4 (3.1.1)]",
       {.level = v3_1_1, .clean = false},
       wire::connack(v3_1_1, 5, {}, true),
       tolerated,
       "mqtt.connack-flags 82"},
      {"[MQTT-3.2.2-6 (5.0)]",
       {.level = v5, .clean = false},
       wire::connack(v5, 0x87, {}, true),
       tolerated,
       "mqtt.connack-flags 82"},
      {"[MQTT-3.2.2-8]", five, wire::connack(v5, 0x01), tolerated, "mqtt.reason-code 82"},
      {"[MQTT-3.1.2-28]", five, wire::connack(v5, 0, info), tolerated, "mqtt.property-unknown 82"},
      {"[MQTT-3.1.2-28] asked for", asks, wire::connack(v5, 0, info)},
      {"[MQTT-3.2.2-16] [MQTT-3.1.3-7 (5.0)]",
       {.level = v5, .client_id = ""},
       wire::connack(v5),
       tolerated,
       "mqtt.client-id 82"},
      {"[MQTT-3.2.2-16] [MQTT-3.1.3-7 (5.0)] named",
       {.level = v5, .client_id = ""},
       wire::connack(v5, 0, wire::assigned_client_id("c7"))},
      {"[MQTT-3.1.2-24 (5.0)] [MQTT-3.2.2-19]", small,
       wire::connack(v5, 0, reason_string("one byte more")), refused, "mqtt.packet-too-large 95"},
      {"[MQTT-3.2.2-20]", small, wire::connack(v5, 0, user_property("name", "some value")), refused,
       "mqtt.packet-too-large 95"},
      {"[MQTT-3.2.2-19] short", small, wire::connack(v5, 0, reason_string("why"))},
      {"[MQTT-4.12.0-5 from broker]", with_method, wire::connack(v5), tolerated,
       "mqtt.auth-method 82"},
      {"[MQTT-4.12.0-5 from broker]", with_method,
       wire::connack(v5, 0, wire::authentication_method("N")), refused, "mqtt.auth-method 82"},
      {"[MQTT-4.12.0-5 from broker] the same", with_method, wire::connack(v5, 0, kMethod)},
      {"[MQTT-4.12.0-6]", five, wire::connack(v5, 0, kMethod), tolerated, "mqtt.auth-method 82"},
      {"[MQTT-4.12.0-6]", five, auth(0x18, kMethod), dropped, "mqtt.auth-method 82"},
      {"[MQTT-4.12.0-5 from broker]", with_method, auth(0x18, wire::authentication_method("N")),
       refused, "mqtt.auth-method 82"},
      {"[MQTT-4.12.0-2]", with_method, auth(0x00, kMethod), refused, "mqtt.reason-code 82"},
  };
  for (const ConnackRow& row : rows) {
    check(row, false);
    check(row, true);
  }
}

TEST_CASE("[MQTT-3.2.0-2] [MQTT-3.2.0-1 (3.1.1)] a second CONNACK") {
  for (const wire::Level level : {v3_1_1, v5}) {
    check_refused({"", level, Side::broker, wire::connack(level), "mqtt.connect-first 82"});
  }
}

TEST_CASE(
    "[MQTT-3.2.2-5 (3.1.1)] [MQTT-3.2.2-7] [MQTT-4.12.0-1] [MQTT-4.12.0-4] [MQTT-4.13.2-1 from "
    "broker] the broker's refusal passes as it is, and ends the session") {
  for (const unsigned code : {0x80U, 0x86U, 0x87U, 0x8CU, 0x9DU}) {
    Conversation talk(everything());
    talk.client_sends(wire::connect({.level = v5, .properties = kMethod}));
    talk.broker_accepts();
    const std::string refusal = wire::connack(v5, code, reason_string("no"));
    talk.broker_sends(refusal + wire::publish({.level = v5, .topic = "t"}));
    CHECK(talk.client_gets() == refusal);
    CHECK(talk.closed());
    CHECK(talk.events.end_kind == CloseKind::broker_refused);
  }
  for (unsigned code = 1; code <= 5; ++code) {
    Conversation talk(everything());
    talk.client_sends(wire::connect());
    talk.broker_accepts();
    talk.broker_sends(wire::connack(v3_1_1, code) + wire::publish({.topic = "t"}));
    CHECK(talk.client_gets() == wire::connack(v3_1_1, code));
    CHECK(talk.closed());
  }
}

TEST_CASE("[MQTT-3.1.2-30] [MQTT-4.12.0-3] [MQTT-4.12.0-7] what a client says before CONNACK") {
  struct Early {
    std::string properties;
    std::string bytes;
    unsigned reason;  // 0: it waits, or passes
  };
  const Early rows[] = {
      {kMethod, wire::subscribe(v5, 1, {{"a", 0}}), 0x82},
      {kMethod, wire::publish({.level = v5, .topic = "t"}), 0x82},
      {kMethod, wire::pingreq(), 0x82},
      {kMethod, auth(0x18, kMethod), 0},
      {kMethod, auth(0x19, kMethod), 0x82},
      {kMethod, auth(0x00, kMethod), 0x82},
      {kMethod, auth(0x18, wire::authentication_method("N")), 0x82},
      {kMethod, auth(0x18, {}), 0x82},
      {{}, auth(0x18, kMethod), 0x82},
      {{}, wire::subscribe(v5, 1, {{"a", 0}}), 0},
      {{}, wire::pingreq(), 0},
  };
  for (const Early& row : rows) {
    Conversation talk(everything());
    talk.client_sends(wire::connect({.level = v5, .properties = row.properties}));
    talk.broker_accepts();
    (void)talk.broker_gets();
    talk.client_sends(row.bytes);
    CHECK(talk.closed() == (row.reason != 0));
    CHECK(talk.client_gets() == (row.reason == 0 ? "" : wire::connack(v5, row.reason)));
    if (row.reason != 0) {
      CHECK(talk.broker_gets().empty());
      continue;
    }
    talk.broker_sends(wire::connack(v5, 0, row.properties));
    CHECK(talk.broker_gets() == row.bytes);
  }
}

TEST_CASE("[MQTT-3.1.2-24 (5.0)] a CONNACK that the gateway would make too large stays as it was") {
  Conversation talk(everything());
  talk.client_sends(wire::connect({.level = v5, .properties = wire::maximum_packet_size(8)}));
  talk.broker_accepts();
  talk.broker_sends(wire::connack(v5));
  CHECK(talk.client_gets() == wire::connack(v5));
  // Nor does it say anything itself that is too large, not even that it refuses.
  Conversation tiny(everything());
  tiny.client_sends(wire::connect({.level = v5, .properties = wire::maximum_packet_size(4)}));
  tiny.broker_refuses();
  CHECK(tiny.closed());
  CHECK(tiny.client_gets().empty());
}
