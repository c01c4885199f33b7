// What a session says of itself to whoever administers it.

#include <doctest/doctest.h>

#include "conversation.h"

using namespace sallyport;
using namespace sallyport::test;
using mqtt::ReasonCode;
using wire::v3_1_1;
using wire::v5;

TEST_CASE("somebody ends a session: 5.0 is told, and it is reported") {
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation talk(up_and_down());
    talk.open({.level = level});
    talk.ends_by_order(Check::shutting_down, ReasonCode::administrative_action);
    CHECK(talk.closed());
    CHECK(talk.client_gets() == (level == v5 ? wire::disconnect(0x98) : ""));
    CHECK(talk.events.end_kind == CloseKind::administrative);
    CHECK(talk.events.end_detail == "connection.shutting-down");
    REQUIRE(talk.events.refusals.size() == 1);
    CHECK(talk.events.refusals[0].name == "connection.shutting-down");
    CHECK(talk.events.refusals[0].packet == mqtt::PacketType::reserved);
    CHECK(talk.events.refusals[0].action == Action::disconnect);
    talk.ends_by_order(Check::shutting_down, ReasonCode::administrative_action);
    CHECK(talk.events.refusals.size() == 1);
    CHECK(talk.events.ended == 1);
  }
}

TEST_CASE("before CONNACK the client is told in CONNACK, and before CONNECT not at all") {
  Conversation dialling(up_and_down());
  dialling.client_sends(wire::connect({.level = v5}));
  dialling.ends_by_order(Check::shutting_down, ReasonCode::administrative_action);
  CHECK(dialling.client_gets() == wire::connack(v5, 0x87));

  Conversation silent(up_and_down());
  silent.ends_by_order(Check::shutting_down, ReasonCode::administrative_action);
  CHECK(silent.client_gets().empty());
  CHECK(silent.closed());
}

TEST_CASE("no version is claimed before CONNECT has said one") {
  Conversation silent(up_and_down());
  silent.pass(std::chrono::seconds(10));
  REQUIRE(silent.events.refusals.size() == 1);
  CHECK_FALSE(silent.events.refusals[0].version.has_value());

  Conversation rubbish(up_and_down());
  rubbish.client_sends(wire::pingreq());
  REQUIRE(rubbish.events.refusals.size() == 1);
  CHECK_FALSE(rubbish.events.refusals[0].version.has_value());

  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation said(up_and_down());
    said.client_sends(wire::connect({.level = level, .will_topic = "no"}));
    REQUIRE(said.events.refusals.size() == 1);
    CHECK(said.events.refusals[0].version == static_cast<mqtt::Version>(level));
  }
}

TEST_CASE("a session counts what it moves") {
  Conversation talk(up_and_down());
  talk.open();
  Tally start = talk.session().tally();
  CHECK(start.packets[Side::client] == 1);  // CONNECT
  CHECK(start.packets[Side::broker] == 1);
  CHECK(start.bytes[Side::client] == wire::connect().size());

  const std::string up = wire::publish({.topic = "up/a", .payload = std::string(1000, 'x')});
  const std::string down = wire::publish({.topic = "down/a"});
  talk.client_sends(up + up);  // the second one is known
  talk.client_sends_bytewise(up);
  talk.broker_sends(wire::puback(1) + down + down);
  talk.client_sends(wire::publish({.topic = "no"}));
  talk.client_sends(wire::subscribe(v3_1_1, 1, {{"no", 0}, {"down/a", 0}, {"not", 0}}));
  const Tally tally = talk.session().tally();
  CHECK(tally.packets[Side::client] == 1 + 3 + 2);
  CHECK(tally.packets[Side::broker] == 1 + 3);
  CHECK(tally.bytes[Side::broker] == start.bytes[Side::broker] + 4 + 2 * down.size());
  CHECK(tally.refused == 3);
  CHECK(tally.throttled == 0);
  CHECK(talk.session().identity().listener == "devices");
}

TEST_CASE("what is only reported is not counted as refused, a throttle is counted as one") {
  policy::PolicySpec spec = up_and_down();
  spec.roles[0].limits.emplace();
  spec.roles[0].limits->messages = Rate{10, std::chrono::seconds(1)};
  spec.roles[0].limits->burst = 1;
  Conversation talk(spec);
  talk.open();
  const std::string up = wire::publish({.topic = "up/a"});
  talk.client_sends(up + up);
  CHECK(talk.session().tally().throttled == 1);
  CHECK(talk.session().tally().refused == 0);

  spec.roles[0].limits->on_exceed = Action::report;
  Conversation reported(spec);
  reported.open();
  reported.client_sends(up + up);
  CHECK(reported.events.refusals.size() == 1);
  CHECK(reported.session().tally().refused == 0);
}
