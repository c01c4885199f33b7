#include <doctest/doctest.h>

#include "conversation.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

TEST_CASE("the broker is dialled after an allowing verdict, and gets CONNECT byte for byte") {
  for (const wire::Level level : {v3_1, v3_1_1, v5}) {
    Conversation talk(up_and_down());
    const std::string connect =
        wire::connect({.level = level, .username = "joe", .password = "s3cret"});
    talk.client_sends(connect.substr(0, connect.size() - 1));
    CHECK_FALSE(talk.dialled());
    talk.client_sends(connect.substr(connect.size() - 1));
    CHECK(talk.dialled());
    CHECK(talk.broker_gets().empty());
    talk.broker_accepts();
    CHECK(talk.broker_gets() == connect);
    CHECK(talk.client_gets().empty());
  }
}

TEST_CASE("3.x: CONNACK passes byte for byte") {
  for (const wire::Level level : {v3_1, v3_1_1}) {
    Conversation talk(up_and_down());
    talk.client_sends(wire::connect({.level = level}));
    talk.broker_accepts();
    talk.broker_sends(wire::connack(level));
    CHECK(talk.client_gets() == wire::connack(level));
    CHECK(talk.events.begun == 1);
    CHECK(talk.events.rewrites.empty());
  }
}

TEST_CASE("5.0: CONNACK tells the gateway's limits where they are lower, and keeps lower ones") {
  Bounds bounds;
  bounds.max_packet = 1000;
  bounds.max_topic_aliases = 4;
  bounds.max_qos2_in_flight = 10;
  SUBCASE("the broker's are higher or absent") {
    Conversation talk(up_and_down(), bounds);
    talk.client_sends(wire::connect({.level = v5}));
    talk.broker_accepts();
    talk.broker_sends(wire::connack(v5, 0, wire::topic_alias_maximum(10)));
    CHECK(talk.client_gets() ==
          wire::connack(v5, 0,
                        wire::topic_alias_maximum(4) + wire::maximum_packet_size(1000) +
                            wire::receive_maximum(10)));
    CHECK(talk.events.rewrites == std::vector{Rewrite::connack});
  }
  SUBCASE("the broker's are lower") {
    Conversation talk(up_and_down(), bounds);
    const std::string connack = wire::connack(
        v5, 0,
        wire::maximum_packet_size(500) + wire::topic_alias_maximum(2) + wire::receive_maximum(5));
    talk.client_sends(wire::connect({.level = v5}));
    talk.broker_accepts();
    talk.broker_sends(connack);
    CHECK(talk.client_gets() == connack);
    CHECK(talk.events.rewrites.empty());
  }
  SUBCASE("keep-alive above the maximum") {
    bounds.max_keep_alive = 100;
    Conversation talk(up_and_down(), bounds);
    talk.client_sends(wire::connect({.level = v5, .keep_alive = 0}));
    talk.broker_accepts();
    talk.broker_sends(wire::connack(v5));
    CHECK(talk.client_gets().find(wire::server_keep_alive(100)) != std::string::npos);
    talk.pass(std::chrono::seconds(149));
    CHECK_FALSE(talk.closed());
    talk.pass(std::chrono::seconds(1));
    CHECK(talk.closed());
  }
}

TEST_CASE("5.0: CONNECT's Topic Alias Maximum is lowered to the gateway's") {
  Bounds bounds;
  bounds.max_topic_aliases = 4;
  Conversation talk(up_and_down(), bounds);
  talk.client_sends(wire::connect({.level = v5, .properties = wire::topic_alias_maximum(100)}));
  talk.broker_accepts();
  CHECK(talk.broker_gets() ==
        wire::connect({.level = v5, .properties = wire::topic_alias_maximum(4)}));
  CHECK(talk.events.rewrites == std::vector{Rewrite::connect});
}

TEST_CASE("without a policy nobody passes") {
  Conversation old(nullptr);
  old.client_sends(wire::connect());
  CHECK(old.client_gets() == wire::connack(v3_1_1, 5));
  CHECK(old.closed());
  CHECK_FALSE(old.dialled());
  REQUIRE(old.events.refusals.size() == 1);
  CHECK(old.events.refusals[0].name == "policy.no-role");

  Conversation now(nullptr);
  now.client_sends(wire::connect({.level = v5}));
  CHECK(now.client_gets() == wire::connack(v5, 0x87));
  CHECK(now.closed());
}

TEST_CASE("a client identifier that is bound to something else is refused") {
  policy::PolicySpec spec = up_and_down();
  spec.roles[0].client_id = "dev-${username}";
  SUBCASE("right") {
    Conversation talk(spec);
    talk.client_sends(wire::connect({.client_id = "dev-joe", .username = "joe"}));
    CHECK(talk.dialled());
  }
  SUBCASE("wrong") {
    Conversation talk(spec);
    talk.client_sends(wire::connect({.client_id = "dev-ann", .username = "joe"}));
    CHECK_FALSE(talk.dialled());
    CHECK(talk.client_gets() == wire::connack(v3_1_1, 2));
    CHECK(talk.events.refusals[0].name == "policy.client-id-binding");
  }
  SUBCASE("wrong, 5.0") {
    Conversation talk(spec);
    talk.client_sends(wire::connect({.level = v5, .client_id = "dev-ann", .username = "joe"}));
    CHECK(talk.client_gets() == wire::connack(v5, 0x85));
  }
}

TEST_CASE("the Will is checked as a publish") {
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation good(up_and_down());
    good.client_sends(wire::connect({.level = level, .will_topic = "up/gone"}));
    CHECK(good.dialled());
    Conversation bad(up_and_down());
    bad.client_sends(wire::connect({.level = level, .will_topic = "elsewhere"}));
    CHECK_FALSE(bad.dialled());
    CHECK(bad.client_gets() == wire::connack(level, level == v5 ? 0x87 : 5));
    REQUIRE(bad.events.refusals.size() == 1);
    CHECK(bad.events.refusals[0].topic == "elsewhere");
    Conversation denied(up_and_down());
    denied.client_sends(wire::connect({.level = level, .will_topic = "up/secret/x"}));
    CHECK(denied.events.refusals[0].name == "secret");
    CHECK(denied.closed());
  }
  Conversation response(up_and_down());
  response.client_sends(wire::connect(
      {.level = v5, .will_topic = "up/gone", .will_properties = wire::response_topic("other")}));
  CHECK(response.closed());
  CHECK(response.events.refusals[0].topic == "other");
}

TEST_CASE("the first packet must be CONNECT, and only the first [MQTT-3.1.0-1] [MQTT-3.1.0-2]") {
  Conversation first(up_and_down());
  first.client_sends(wire::pingreq());
  CHECK(first.closed());
  CHECK(first.client_gets().empty());
  CHECK(first.events.refusals[0].name == "mqtt.connect-first");

  Conversation second(up_and_down());
  second.open();
  second.client_sends(wire::connect());
  CHECK(second.closed());
  CHECK(second.broker_gets().empty());
  CHECK(second.client_gets().empty());

  Conversation five(up_and_down());
  five.open({.level = v5});
  five.client_sends(wire::connect({.level = v5}));
  CHECK(five.client_gets() == wire::disconnect(0x82));
}

TEST_CASE("garbage before CONNECT closes without a word and without a dial") {
  for (const std::string_view garbage :
       {std::string_view("\x16\x03\x01\x02\x00\x01\x00", 7), std::string_view("GET / HTTP/1.1\r\n"),
        std::string_view("\x00\x00", 2), std::string_view("\xFF\xFF\xFF\xFF\xFF")}) {
    Conversation talk(up_and_down());
    talk.client_sends(garbage);
    CHECK(talk.closed());
    CHECK_FALSE(talk.dialled());
    CHECK(talk.client_gets().empty());
    CHECK(talk.events.refusals.size() == 1);
    CHECK(talk.events.ended == 1);
  }
}

TEST_CASE(
    "an unsupported protocol version is answered [MQTT-3.1.2-2 (3.1.1)] [MQTT-3.1.2-2 (5.0)]") {
  Conversation talk(up_and_down());
  std::string connect = wire::connect();
  connect[8] = 2;
  talk.client_sends(connect);
  CHECK(talk.client_gets() == wire::connack(v3_1_1, 1));
  Conversation next(up_and_down());
  connect = wire::connect({.level = v5});
  connect[8] = 6;
  next.client_sends(connect);
  CHECK(next.client_gets() == wire::connack(v5, 0x84));
}

TEST_CASE("a CONNECT larger than an unknown peer may send is refused from its header") {
  Bounds bounds;
  bounds.max_packet_before_connect = 100;
  Conversation talk(up_and_down(), bounds);
  talk.client_sends(std::string_view("\x10\x65", 2));
  CHECK(talk.closed());
  CHECK(talk.events.refusals[0].name == "mqtt.packet-too-large");
  CHECK(talk.memory() < 100);
}

TEST_CASE("no CONNECT in time") {
  Conversation talk(up_and_down());
  talk.client_sends("\x10");
  talk.pass(std::chrono::milliseconds(9'999));
  CHECK_FALSE(talk.closed());
  talk.pass(std::chrono::milliseconds(1));
  CHECK(talk.closed());
  CHECK(talk.events.end_kind == CloseKind::connect_timeout);
}

TEST_CASE("what a broker says by silence is passed on as silence") {
  for (const wire::Level level : {v3_1_1, v5}) {
    for (const CloseKind kind : {CloseKind::closed, CloseKind::network_error}) {
      for (const char* begun : {"", "\x20", "\x20\x02"}) {
        Conversation talk(up_and_down());
        talk.client_sends(wire::connect({.level = level, .will_topic = "up/will"}));
        talk.broker_accepts();
        talk.broker_sends(begun);
        talk.ends(Side::broker, kind);
        CHECK(talk.client_gets().empty());
        CHECK(talk.closed());
        CHECK(talk.events.end_kind == kind);
        CHECK(talk.events.end_will.empty());
        REQUIRE(talk.events.refusals.size() == 1);
        CHECK(talk.events.refusals[0].name == "session.broker-silent");
        CHECK(talk.events.refusals[0].from == Side::broker);
      }
    }
  }
}

TEST_CASE("a broker that refuses the handshake behind CONNECT was not reached") {
  Conversation talk(up_and_down());
  talk.client_sends(wire::connect({.will_topic = "up/will"}));
  REQUIRE(talk.dialled());
  talk.broker_accepts();
  talk.ends(Side::broker, CloseKind::tls_error);
  CHECK(talk.events.end_will.empty());
  CHECK(talk.client_gets() == wire::connack(v3_1_1, 3));
  CHECK(talk.closed());
  REQUIRE(talk.events.refusals.size() == 1);
  CHECK(talk.events.refusals[0].name == "session.broker-unavailable");
}

TEST_CASE("a broker that is not there is told to the client") {
  Conversation talk(up_and_down());
  talk.client_sends(wire::connect());
  talk.broker_refuses();
  CHECK(talk.client_gets() == wire::connack(v3_1_1, 3));
  CHECK(talk.closed());
  CHECK(talk.events.end_kind == CloseKind::broker_unavailable);
  REQUIRE(talk.events.refusals.size() == 1);
  CHECK(talk.events.refusals[0].name == "session.broker-unavailable");
  Conversation five(up_and_down());
  five.client_sends(wire::connect({.level = v5}));
  five.broker_refuses();
  CHECK(five.client_gets() == wire::connack(v5, 0x88));
  Conversation silent(up_and_down());
  silent.client_sends(wire::connect({.level = v5}));
  silent.broker_accepts();
  silent.pass(std::chrono::seconds(10));
  CHECK(silent.client_gets() == wire::connack(v5, 0x88));
  CHECK(silent.events.refusals[0].name == "session.broker-timeout");
}

TEST_CASE("what follows CONNECT waits for CONNACK, in order") {
  Conversation talk(up_and_down());
  const std::string publish = wire::publish({.topic = "up/a", .qos = 1});
  talk.client_sends(wire::connect() + publish + wire::pingreq());
  talk.broker_accepts();
  CHECK(talk.broker_gets() == wire::connect());
  CHECK(talk.paused(Side::client) == Session::kAwaitingAnswer);
  talk.broker_sends(wire::connack(v3_1_1));
  CHECK(talk.broker_gets() == publish + wire::pingreq());
  CHECK(talk.paused(Side::client) == 0);
}

TEST_CASE("the broker's own refusal passes, and ends the session") {
  Conversation talk(up_and_down());
  talk.client_sends(wire::connect());
  talk.broker_accepts();
  talk.broker_sends(wire::connack(v3_1_1, 4));
  CHECK(talk.client_gets() == wire::connack(v3_1_1, 4));
  CHECK(talk.closed());
  CHECK(talk.events.begun == 0);
  CHECK(talk.events.end_kind == CloseKind::broker_refused);
}

TEST_CASE("a client identifier that the broker assigns is what ${client_id} stands for") {
  Conversation talk(everybody({allow("own", {"dev/${client_id}/up"})}));
  talk.open({.level = v5, .client_id = ""}, wire::assigned_client_id("auto-7"));
  const std::string own = wire::publish({.level = v5, .topic = "dev/auto-7/up"});
  talk.client_sends(own + wire::publish({.level = v5, .topic = "dev/other/up"}));
  CHECK(talk.broker_gets() == own);
}

TEST_CASE("enhanced authentication passes through before CONNACK, with CONNECT's method only") {
  const std::string method = wire::authentication_method("SCRAM");
  const std::string auth = wire::packet(0xF0, wire::u8(0x18) + wire::properties(v5, method));
  Conversation talk(up_and_down());
  talk.client_sends(wire::connect({.level = v5, .properties = method}));
  talk.broker_accepts();
  (void)talk.broker_gets();
  talk.broker_sends(auth);
  CHECK(talk.client_gets() == auth);
  talk.client_sends(auth);
  CHECK(talk.broker_gets() == auth);
  const std::string other = wire::packet(
      0xF0, wire::u8(0x18) + wire::properties(v5, wire::authentication_method("PLAIN")));
  talk.client_sends(other);
  CHECK(talk.closed());
  CHECK(talk.broker_gets().empty());

  Conversation without(up_and_down());
  without.open({.level = v5});
  without.client_sends(auth);
  CHECK(without.closed());
}

TEST_CASE("AUTH over a limit before CONNACK is refused by CONNACK [MQTT-3.14.0-1]") {
  policy::PolicySpec spec = up_and_down();
  policy::RateSpec rate;
  rate.messages = Rate{1, std::chrono::hours(1)};
  rate.on_exceed = Action::disconnect;
  spec.roles[0].limits = rate;
  const std::string method = wire::authentication_method("SCRAM");
  const std::string auth = wire::packet(0xF0, wire::u8(0x18) + wire::properties(v5, method));
  Conversation talk(spec);
  talk.client_sends(wire::connect({.level = v5, .properties = method}));
  talk.broker_accepts();
  talk.client_sends(auth);
  CHECK_FALSE(talk.closed());
  talk.client_sends(auth);
  CHECK(talk.closed());
  CHECK(talk.client_gets() == wire::connack(v5, 0x97));
}

TEST_CASE("what a broker sends before CONNACK is dropped, and CONNACK awaited") {
  Conversation talk(up_and_down());
  talk.client_sends(wire::connect());
  talk.broker_accepts();
  (void)talk.broker_gets();
  talk.broker_sends(wire::pingresp() + wire::puback(1) +
                    wire::publish({.topic = "down/a", .qos = 1, .packet_id = 3}));
  CHECK(talk.client_gets().empty());
  CHECK(talk.broker_gets() == wire::puback(3));
  CHECK(talk.events.refusals.size() == 3);
  talk.broker_sends(wire::connack(v3_1_1));
  CHECK(talk.client_gets() == wire::connack(v3_1_1));
  CHECK(talk.events.begun == 1);

  Conversation mute(up_and_down());
  mute.client_sends(wire::connect());
  mute.broker_accepts();
  mute.broker_sends(wire::pingresp());
  mute.pass(std::chrono::seconds(10));
  CHECK(mute.closed());
  CHECK(mute.client_gets() == wire::connack(v3_1_1, 3));
}

TEST_CASE("5.0: a Will is checked again once the broker has said who the client is") {
  policy::PolicySpec spec = everybody({allow("all", {"#"}, {"#"})});
  spec.roles.push_back(role("auto", {deny("no-admin", {"admin/#"})}));
  spec.roles.back().match["client_id"] = {"auto-*"};
  const auto connect = [&spec](std::string will) {
    auto talk = std::make_unique<Conversation>(spec);
    talk->client_sends(
        wire::connect({.level = v5, .client_id = "", .will_topic = std::move(will)}));
    REQUIRE(talk->dialled());
    talk->broker_accepts();
    (void)talk->broker_gets();
    talk->broker_sends(wire::connack(v5, 0, wire::assigned_client_id("auto-1")));
    return talk;
  };
  const auto good = connect("status/x");
  CHECK(good->events.begun == 1);
  CHECK_FALSE(good->closed());

  const auto bad = connect("admin/x");
  CHECK(bad->closed());
  CHECK(bad->events.begun == 0);
  REQUIRE(bad->events.refusals.size() == 1);
  CHECK(bad->events.refusals[0].name == "no-admin");
  CHECK(bad->client_gets() == wire::connack(v5, 0x87));
  CHECK(bad->broker_gets() == wire::disconnect());  // so that it does not publish the Will
}
