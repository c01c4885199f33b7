// What a client answers to a delivery must be the next step of that delivery's
// exchange. Else the message is open for ever: the client learns that it was wrong, as it would
// from a broker.

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

namespace {

std::string acked_delivery(wire::Level level, unsigned qos, unsigned id, bool dup = false) {
  return wire::publish(
      {.level = level, .topic = "down/a", .qos = qos, .packet_id = id, .dup = dup});
}

/// What happens before the acknowledgement: each packet by who sends it.
struct Step {
  Side from;
  std::string bytes;
};

struct AckRow {
  const char* what;
  std::vector<Step> before;
  std::string ack;
};

void play(Conversation& talk, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    step.from == Side::client ? talk.client_sends(step.bytes) : talk.broker_sends(step.bytes);
  }
  (void)talk.client_gets();
  (void)talk.broker_gets();
}

}  // namespace

TEST_CASE(
    "[MQTT-4.3.2-4] [MQTT-4.3.3-8] [MQTT-4.3.3-11] a wrong acknowledgement is a protocol error") {
  for (const wire::Level level : {v3_1, v3_1_1, v5}) {
    const Step one{Side::broker, acked_delivery(level, 1, 7)};
    const Step two{Side::broker, acked_delivery(level, 2, 7)};
    const Step received{Side::client, wire::pubrec(7)};
    const Step released{Side::broker, wire::pubrel(7)};
    const AckRow rows[] = {
        {"PUBREC for QoS 1", {one}, wire::pubrec(7)},
        {"PUBCOMP for QoS 1", {one}, wire::pubcomp(7)},
        {"PUBACK for QoS 2", {two}, wire::puback(7)},
        {"PUBCOMP before PUBREC", {two}, wire::pubcomp(7)},
        {"PUBACK behind PUBREC", {two, received}, wire::puback(7)},
        {"PUBCOMP before PUBREL", {two, received}, wire::pubcomp(7)},
        {"PUBACK behind PUBREL", {two, received, released}, wire::puback(7)},
    };
    for (const AckRow& row : rows) {
      CAPTURE(row.what);
      CAPTURE(static_cast<int>(level));
      Conversation talk(up_and_down());
      talk.open({.level = level});
      play(talk, row.before);
      CHECK_FALSE(talk.closed());
      talk.client_sends(row.ack);
      CHECK(talk.closed());
      CHECK(talk.broker_gets().empty());
      CHECK(talk.client_gets() == (level == v5 ? wire::disconnect(0x82) : ""));
      CHECK(last_refusal(talk) == "mqtt.wrong-ack 82");
      CHECK(talk.events.refusals.back().action == Action::disconnect);
      CHECK(talk.events.end_detail == "mqtt.wrong-ack");
    }
  }
}

TEST_CASE("an answer that may be right is passed on") {
  for (const wire::Level level : {v3_1, v3_1_1, v5}) {
    const Step two{Side::broker, acked_delivery(level, 2, 7)};
    const Step again{Side::broker, acked_delivery(level, 2, 7, true)};
    const Step received{Side::client, wire::pubrec(7)};
    const Step released{Side::broker, wire::pubrel(7)};
    const AckRow rows[] = {
        {"of an earlier connection", {}, wire::puback(7)},
        {"of an earlier connection", {}, wire::pubrec(7)},
        {"of an earlier connection, whose PUBREL came again", {released}, wire::pubcomp(7)},
        {"PUBREC that a client of 3.1 repeats", {two, received}, wire::pubrec(7)},
        {"PUBREC and a delivery have crossed", {two, received, again}, wire::pubrec(7)},
        {"PUBREL for the first of two PUBRECs", {two, received, again, released}, wire::pubcomp(7)},
        {"PUBREL comes twice", {two, received, released, released}, wire::pubcomp(7)},
        {"the broker's PUBREL was wrong", {two, released}, wire::pubcomp(7)},
        {"and of a QoS 1 delivery",
         {{Side::broker, acked_delivery(level, 1, 7)}, released},
         wire::pubcomp(7)},
        {"PUBACK of a QoS 1 delivery that came again",
         {{Side::broker, acked_delivery(level, 1, 7)},
          {Side::broker, acked_delivery(level, 1, 7, true)}},
         wire::puback(7)},
    };
    for (const AckRow& row : rows) {
      CAPTURE(row.what);
      CAPTURE(static_cast<int>(level));
      Conversation talk(up_and_down());
      talk.open({.level = level});
      play(talk, row.before);
      talk.client_sends(row.ack);
      CHECK(talk.broker_gets() == row.ack);
      CHECK_FALSE(talk.closed());
      CHECK(talk.events.refusals.empty());
    }
  }
}

TEST_CASE("what the gateway acknowledges itself, the client need not, and does no harm with it") {
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation talk(up_and_down());
    talk.open({.level = level});
    talk.broker_sends(
        wire::publish({.level = level, .topic = "down/secret/x", .qos = 2, .packet_id = 4}));
    CHECK(talk.broker_gets() == wire::pubrec(4));
    for (const std::string& ack : {wire::puback(4), wire::pubrec(4), wire::pubcomp(4)}) {
      talk.client_sends(ack);
      CHECK(talk.broker_gets().empty());
      CHECK(last_refusal(talk) == "mqtt.unexpected-ack 82");
      CHECK(talk.events.refusals.back().action == Action::drop);
    }
    CHECK_FALSE(talk.closed());
    talk.broker_sends(wire::pubrel(4));
    CHECK(talk.broker_gets() == wire::pubcomp(4));
  }
}

TEST_CASE("5.0: a PUBREC that says no ends its exchange, in whatever place") {
  Conversation talk(up_and_down());
  talk.open({.level = v5});
  talk.broker_sends(acked_delivery(v5, 2, 7));
  talk.client_sends(wire::ack(5, 7, 0x87));
  CHECK(talk.broker_gets() == wire::ack(5, 7, 0x87));
  talk.broker_sends(acked_delivery(v5, 1, 7));  // the identifier is free
  talk.client_sends(wire::puback(7));
  CHECK(talk.broker_gets() == wire::puback(7));
  CHECK(talk.events.refusals.empty());
}

TEST_CASE("deliveries beyond the bound pass, and so does what is answered to them") {
  Bounds bounds;
  bounds.max_deliveries = 2;
  Conversation talk(up_and_down(), bounds);
  talk.open();
  for (unsigned id = 1; id <= 3; ++id) talk.broker_sends(acked_delivery(v3_1_1, 1, id));
  (void)talk.client_gets();
  const std::size_t held = talk.memory();
  for (unsigned id = 4; id <= 100; ++id) talk.broker_sends(acked_delivery(v3_1_1, 1, id));
  CHECK(talk.memory() == held);
  talk.client_sends(wire::pubrec(3));  // it is not known what that was
  CHECK(talk.broker_gets() == wire::pubrec(3));
  CHECK_FALSE(talk.closed());
  talk.client_sends(wire::pubrec(2));
  CHECK(talk.closed());
  CHECK(last_refusal(talk) == "mqtt.wrong-ack 82");
}

TEST_CASE("a broker's PUBREL out of turn does not hold up what the gateway owes") {
  Conversation talk(up_and_down());
  talk.open();
  talk.broker_sends(acked_delivery(v3_1_1, 2, 1) +
                    wire::publish({.topic = "down/secret/x", .qos = 2, .packet_id = 2}));
  CHECK(talk.broker_gets().empty());  // behind the client's PUBREC for the first
  talk.broker_sends(wire::pubrel(1));
  CHECK(talk.broker_gets() == wire::pubrec(2));
}
