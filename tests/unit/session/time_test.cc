#include <doctest/doctest.h>

#include "conversation.h"

using namespace sallyport;
using namespace sallyport::test;
using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::v3_1_1;
using wire::v5;

namespace {

policy::PolicySpec limited(Action on_exceed, unsigned per_second, unsigned burst) {
  policy::PolicySpec spec = up_and_down();
  policy::RateSpec rate;
  rate.messages = Rate{per_second, seconds(1)};
  rate.burst = burst;
  rate.on_exceed = on_exceed;
  spec.roles[0].limits = rate;
  return spec;
}

std::string numbered(int first, int last) {
  std::string out;
  for (int i = first; i <= last; ++i) {
    out += wire::publish({.topic = "up/a", .payload = std::to_string(i)});
  }
  return out;
}

}  // namespace

TEST_CASE("dial: the broker's time begins with the dial, not with CONNECT") {
  Conversation talk(up_and_down());
  talk.client_sends(wire::connect());
  REQUIRE(talk.dialled());
  talk.dial_waits();
  talk.pass(seconds(60));
  CHECK_FALSE(talk.closed());
  talk.dial_begins();
  talk.pass(seconds(9));
  CHECK_FALSE(talk.closed());
  talk.pass(seconds(2));
  CHECK(talk.closed());
  CHECK(talk.client_gets() == wire::connack(v3_1_1, 3));
}

TEST_CASE("dial: one that may not be made is refused by its own name and code") {
  for (const wire::Level level : {v3_1_1, v5}) {
    for (const bool full : {false, true}) {
      CAPTURE(level);
      CAPTURE(full);
      Conversation talk(up_and_down());
      talk.client_sends(wire::connect({.level = level}));
      talk.dial_refused(full ? Check::broker_queue_full : Check::broker_queue);
      CHECK(talk.closed());
      CHECK(talk.client_gets() == wire::connack(level, level == v3_1_1 ? 3U
                                                       : full          ? 0x89U
                                                                       : 0x88U));
      REQUIRE(talk.events.refusals.size() == 1);
      CHECK(talk.events.refusals[0].name == (full ? "broker.queue-full" : "broker.queue"));
    }
  }
}

TEST_CASE("throttle: nothing is lost, it only takes longer") {
  Conversation talk(limited(Action::throttle, 10, 5));
  talk.open();
  talk.client_sends(numbered(1, 8));
  CHECK(talk.broker_gets() == numbered(1, 5));
  CHECK(talk.paused(Side::client) == Session::kThrottled);
  talk.pass(milliseconds(99));
  CHECK(talk.broker_gets().empty());
  talk.pass(milliseconds(1));
  CHECK(talk.broker_gets() == numbered(6, 6));
  talk.pass(milliseconds(200));
  CHECK(talk.broker_gets() == numbered(7, 8));
  CHECK(talk.events.refusals.empty());
  CHECK(talk.events.throttles.size() == 3);
  CHECK_FALSE(talk.closed());
}

TEST_CASE("throttle never pauses longer than half the keep-alive; then it drops") {
  policy::PolicySpec spec = limited(Action::throttle, 1, 1);
  spec.roles[0].limits->messages = Rate{1, std::chrono::hours(1)};
  Conversation talk(spec);
  talk.open({.keep_alive = 10});
  talk.client_sends(numbered(1, 2) + wire::publish({.topic = "up/a", .qos = 1, .packet_id = 3}) +
                    wire::pingreq());
  CHECK(talk.paused(Side::client) == 0);
  CHECK(talk.broker_gets() == numbered(1, 1));
  CHECK(talk.client_gets() == wire::puback(3) + wire::pingresp());
  CHECK(talk.events.refusals.size() == 3);
}

TEST_CASE("drop, disconnect and report over a limit") {
  Conversation drop(limited(Action::drop, 1, 2));
  drop.open({.level = v5});
  const auto publish = [](unsigned id) {
    return wire::publish({.level = v5, .topic = "up/a", .qos = 1, .packet_id = id});
  };
  drop.client_sends(publish(1) + publish(2) + publish(3));
  CHECK(drop.broker_gets() == publish(1) + publish(2));
  CHECK(drop.client_gets() == wire::ack(4, 3, 0x97));
  CHECK(drop.events.refusals[0].name == "everybody.limits");
  drop.client_sends(wire::subscribe(v5, 4, {{"down/a", 0}}) + wire::unsubscribe(v5, 5, {"x"}));
  CHECK(drop.client_gets() == wire::suback(v5, 4, {0x97}) +
                                  wire::packet(0xB0, wire::u16(5) + wire::u8(0) + wire::u8(0x83)));

  Conversation ends(limited(Action::disconnect, 1, 1));
  ends.open({.level = v5});
  ends.client_sends(publish(1) + publish(2));
  CHECK(ends.client_gets() == wire::disconnect(0x96));
  CHECK(ends.closed());

  Conversation reports(limited(Action::report, 1, 1));
  reports.open();
  reports.client_sends(numbered(1, 4));
  CHECK(reports.broker_gets() == numbered(1, 4));
  CHECK(reports.events.refusals.size() == 3);
  reports.pass(seconds(1));
  reports.client_sends(numbered(5, 5));
  CHECK(reports.events.refusals.size() == 3);
}

TEST_CASE("a flood of PINGREQ meets the limit too, and only the broker is spared") {
  Conversation talk(limited(Action::drop, 1, 2));
  talk.open();
  std::string pings;
  for (int i = 0; i < 5; ++i) pings += wire::pingreq();
  talk.client_sends(pings);
  CHECK(talk.broker_gets() == wire::pingreq() + wire::pingreq());
  CHECK(talk.client_gets() == wire::pingresp() + wire::pingresp() + wire::pingresp());
}

TEST_CASE("a rule's own limit") {
  policy::PolicySpec spec = up_and_down();
  policy::RateSpec rate;
  rate.messages = Rate{1, seconds(1)};
  rate.burst = 1;
  rate.on_exceed = Action::drop;
  spec.roles[0].rules[0].limit = rate;
  Conversation talk(spec);
  talk.open();
  talk.client_sends(numbered(1, 3));
  CHECK(talk.broker_gets() == numbered(1, 1));
  CHECK(talk.events.refusals.size() == 2);
  CHECK(talk.events.refusals[0].name == "up");
}

TEST_CASE("bytes are limited as well") {
  policy::PolicySpec spec = up_and_down();
  policy::RateSpec rate;
  rate.bytes = Rate{1000, seconds(1)};
  rate.on_exceed = Action::throttle;
  spec.roles[0].limits = rate;
  Conversation talk(spec);
  talk.open();
  const std::string publish = wire::publish({.topic = "up/a", .payload = std::string(492, 'x')});
  REQUIRE(publish.size() == 501);
  talk.client_sends(publish + publish + publish);
  CHECK(talk.broker_gets().size() == 501);
  talk.pass(milliseconds(2));
  CHECK(talk.broker_gets().size() == 501);
  talk.pass(milliseconds(501));
  CHECK(talk.broker_gets().size() == 501);
}

TEST_CASE(
    "keep-alive: one and a half intervals without a packet [MQTT-3.1.2-24 (3.1.1)] [MQTT-3.1.2-22 "
    "(5.0)]") {
  Conversation old(up_and_down());
  old.open({.keep_alive = 10});
  old.pass(seconds(14));
  old.client_sends(wire::pingreq());
  old.pass(milliseconds(14'999));
  CHECK_FALSE(old.closed());
  old.pass(milliseconds(1));
  CHECK(old.closed());
  CHECK(old.events.end_kind == CloseKind::keep_alive);

  Conversation five(up_and_down());
  five.open({.level = v5, .keep_alive = 10}, wire::server_keep_alive(4));
  five.pass(seconds(6));
  CHECK(five.client_gets() == wire::disconnect(0x8D));
}

TEST_CASE("bytes of an incomplete packet are no sign of life") {
  Conversation talk(up_and_down());
  talk.open({.keep_alive = 10});
  const std::string publish = wire::publish({.topic = "up/abcdefghijklmnopqrstuvw"});
  for (std::size_t i = 0; i < 20 && !talk.closed(); ++i) {
    talk.client_sends(publish.substr(i, 1));
    talk.pass(seconds(1));
  }
  CHECK(talk.closed());
}

TEST_CASE("what the relay does not read is not held against the client") {
  Conversation talk(up_and_down());
  talk.open({.keep_alive = 10});
  talk.session().set_reading(Side::client, false, Instant(seconds(1000)));
  talk.pass(seconds(100));
  CHECK_FALSE(talk.closed());
  talk.session().set_reading(Side::client, true, Instant(seconds(1100)));
  talk.pass(milliseconds(14'999));
  CHECK_FALSE(talk.closed());
  talk.pass(milliseconds(1));
  CHECK(talk.closed());
}

TEST_CASE("trap: a client that is only ever refused stays alive at the broker") {
  Conversation talk(up_and_down());
  talk.open({.keep_alive = 10});
  std::string at_broker;
  for (int i = 0; i < 100; ++i) {
    talk.pass(seconds(1));
    talk.client_sends(wire::publish({.topic = "no"}));
    const std::string got = talk.broker_gets();
    if (!got.empty()) {
      CHECK(got == wire::pingreq());
      talk.broker_sends(wire::pingresp());
      at_broker += got;
    }
  }
  CHECK_FALSE(talk.closed());
  CHECK(talk.client_gets().empty());  // the answers were the gateway's
  CHECK(at_broker.size() == 2 * 10);  // once an interval, no more
}

TEST_CASE("a silent client is not kept alive by the gateway") {
  Conversation talk(up_and_down());
  talk.open({.keep_alive = 10});
  talk.client_sends(wire::publish({.topic = "up/a"}));
  (void)talk.broker_gets();
  talk.pass(seconds(14));
  CHECK(talk.broker_gets().empty());
}

TEST_CASE("a PINGRESP goes to whoever asked") {
  Conversation talk(up_and_down());
  talk.open({.keep_alive = 10});
  talk.client_sends(wire::pingreq());  // the broker is slow to answer
  talk.pass(seconds(9));
  talk.client_sends(wire::publish({.topic = "no"}));
  talk.pass(seconds(1));  // the gateway asks
  talk.client_sends(wire::pingreq());
  CHECK(talk.broker_gets() == wire::pingreq() + wire::pingreq() + wire::pingreq());
  talk.broker_sends(wire::pingresp());
  CHECK(talk.client_gets() == wire::pingresp());
  talk.broker_sends(wire::pingresp());
  CHECK(talk.client_gets().empty());
  talk.broker_sends(wire::pingresp());
  CHECK(talk.client_gets() == wire::pingresp());
}

TEST_CASE("ends: who says what") {
  Conversation polite(up_and_down());
  polite.open();
  polite.client_sends(wire::disconnect());
  CHECK(polite.broker_gets() == wire::disconnect());
  CHECK(polite.closed());
  CHECK(polite.events.end_kind == CloseKind::disconnect);

  Conversation rude(up_and_down());
  rude.open();
  rude.ends(Side::client);
  CHECK(rude.broker_gets().empty());  // no DISCONNECT: the broker publishes the Will
  CHECK(rude.closed());

  Conversation broker_gone(up_and_down());
  broker_gone.open({.level = v5});
  broker_gone.ends(Side::broker, CloseKind::network_error);
  CHECK(broker_gone.client_gets().empty());  // nobody knows why, so nobody says why
  CHECK(broker_gone.closed());

  Conversation broker_says(up_and_down());
  broker_says.open({.level = v5});
  broker_says.broker_sends(wire::disconnect(0x8E));
  CHECK(broker_says.client_gets() == wire::disconnect(0x8E));
  CHECK(broker_says.closed());

  Conversation stops(up_and_down());
  stops.open({.level = v5});
  stops.shut_down();
  CHECK(stops.client_gets() == wire::disconnect(0x8B));
  CHECK(stops.broker_gets().empty());
  CHECK(stops.events.ended == 1);

  Conversation early(up_and_down());
  early.client_sends(wire::connect());
  early.shut_down();
  CHECK(early.client_gets() == wire::connack(v3_1_1, 3));

  // "Server shutting down" is DISCONNECT's alone. 2.4 (5.0)
  Conversation early5(up_and_down());
  early5.client_sends(wire::connect({.level = v5}));
  early5.shut_down();
  CHECK(early5.client_gets() == wire::connack(v5, 0x88));
}

TEST_CASE("4.11: who goes down sends 5.0 clients elsewhere, and whoever takes no such packet not") {
  const std::string servers = "b.example:8883 c.example";
  const std::string reference = wire::u8(0x1C) + wire::text(servers);
  const std::string properties = wire::varint(27) + reference;
  REQUIRE(reference.size() == 27);
  Conversation five(up_and_down());
  five.open({.level = v5});
  five.shut_down(servers);
  CHECK(five.client_gets() == wire::packet(0xE0, wire::u8(0x9C) + properties));
  CHECK(five.closed());

  // Before CONNACK it is CONNACK that says so.
  Conversation early(up_and_down());
  early.client_sends(wire::connect({.level = v5}));
  early.shut_down(servers);
  CHECK(early.client_gets() == wire::packet(0x20, wire::u8(0) + wire::u8(0x9C) + properties));

  Conversation narrow(up_and_down());
  narrow.open({.level = v5, .properties = wire::maximum_packet_size(30)});
  narrow.shut_down(servers);
  CHECK(narrow.client_gets() == wire::disconnect(0x8B));

  Conversation three(up_and_down());
  three.open();
  three.shut_down(servers);
  CHECK(three.client_gets().empty());
  CHECK(three.closed());
  Conversation early3(up_and_down());
  early3.client_sends(wire::connect());
  early3.shut_down(servers);
  CHECK(early3.client_gets() == wire::connack(v3_1_1, 3));
}

TEST_CASE("a session is busy from CONNECT to CONNACK and while anything waits for its answer") {
  Conversation talk(up_and_down());
  CHECK_FALSE(talk.is_busy());
  talk.client_sends(wire::connect({.level = v5}));
  CHECK(talk.is_busy());
  talk.broker_accepts();
  CHECK(talk.is_busy());
  talk.broker_sends(wire::connack(v5));
  CHECK_FALSE(talk.is_busy());

  struct Exchange {
    const char* what;
    std::vector<std::pair<Side, std::string>> packets;  // the last one ends it
  };
  const auto up = [](unsigned qos) {
    return wire::publish(
        {.level = v5, .topic = "up/a", .payload = "x", .qos = qos, .packet_id = 5});
  };
  const auto down = [](unsigned qos) {
    return wire::publish(
        {.level = v5, .topic = "down/a", .payload = "x", .qos = qos, .packet_id = 6});
  };
  constexpr Side client = Side::client;
  constexpr Side broker = Side::broker;
  const std::vector<Exchange> exchanges = {
      {"QoS 1", {{client, up(1)}, {broker, wire::puback(5)}}},
      {"QoS 2",
       {{client, up(2)},
        {broker, wire::pubrec(5)},
        {client, wire::pubrel(5)},
        {broker, wire::pubcomp(5)}}},
      {"a delivery of QoS 1", {{broker, down(1)}, {client, wire::puback(6)}}},
      {"a delivery of QoS 2",
       {{broker, down(2)},
        {client, wire::pubrec(6)},
        {broker, wire::pubrel(6)},
        {client, wire::pubcomp(6)}}},
      {"SUBSCRIBE",
       {{client, wire::subscribe(v5, 7, {{"down/#"}})}, {broker, wire::suback(v5, 7, {0})}}},
      {"a packet half way", {{client, up(0).substr(0, 5)}, {client, up(0).substr(5)}}},
      {"a payload half way", {{broker, down(0).substr(0, down(0).size() - 1)}, {broker, "x"}}},
  };
  for (const Exchange& exchange : exchanges) {
    CAPTURE(exchange.what);
    for (const auto& [from, packet] : exchange.packets) {
      from == client ? talk.client_sends(packet) : talk.broker_sends(packet);
      CHECK(talk.is_busy() == (&packet != &exchange.packets.back().second));
    }
  }
  REQUIRE_FALSE(talk.closed());
  talk.client_sends(up(1));
  talk.shut_down();
  CHECK_FALSE(talk.is_busy());
}

TEST_CASE("DISCONNECT cannot bring a session back that was to expire [MQTT-3.14.2-2]") {
  Conversation talk(up_and_down());
  talk.open({.level = v5});
  talk.client_sends(
      wire::packet(0xE0, wire::u8(0) + wire::properties(v5, wire::session_expiry(60))));
  CHECK(talk.client_gets() == wire::disconnect(0x82));
  CHECK(talk.broker_gets().empty());
}

TEST_CASE("what comes after the end goes nowhere, not even the rest of a delivery") {
  for (const Side side : {Side::client, Side::broker}) {
    Conversation talk(up_and_down());
    talk.open();
    const std::string whole = wire::publish(
        {.topic = side == Side::client ? "up/a" : "down/a", .payload = std::string(100, 'x')});
    const std::string_view bytes = whole;
    side == Side::client ? talk.client_sends(bytes.substr(0, 50))
                         : talk.broker_sends(bytes.substr(0, 50));
    talk.ends(Side::client);
    Turn turn;
    CHECK(talk.session().feed(side, as_bytes(bytes.substr(50)), Instant{}, turn) ==
          bytes.size() - 50);
    CHECK(turn.to(other(side)).empty());
  }
}

TEST_CASE("in the middle of a delivery nothing is put into the stream") {
  Conversation talk(up_and_down());
  talk.open({.level = v5});
  const std::string delivery =
      wire::publish({.level = v5, .topic = "down/a", .payload = std::string(100, 'd')});
  talk.broker_sends(delivery.substr(0, 50));
  talk.ends(Side::broker, CloseKind::network_error);
  CHECK(talk.client_gets() == delivery.substr(0, 50));
  CHECK(talk.closed());
}

TEST_CASE("a new policy decides from here on; one without a place for the client ends it") {
  Conversation talk(up_and_down());
  talk.open();
  talk.set_policy(everybody({allow("other", {"other/#"})}));
  talk.client_sends(wire::publish({.topic = "up/a"}) + wire::publish({.topic = "other/a"}));
  CHECK(talk.broker_gets() == wire::publish({.topic = "other/a"}));
  policy::PolicySpec nobody = up_and_down();
  nobody.roles[0].match["client_id"] = {"somebody-else"};
  talk.set_policy(nobody);
  CHECK(talk.closed());
  CHECK(talk.events.end_kind == CloseKind::policy_changed);
}

TEST_CASE("trap: throttling pauses for half of what the gateway itself counts, too") {
  auto spec = up_and_down();
  policy::RateSpec rate;
  rate.messages = Rate{1, std::chrono::hours(1)};
  rate.burst = 1;
  rate.on_exceed = Action::throttle;
  spec.roles[0].rules[0].limit = rate;
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation talk(spec);
    talk.open({.level = level, .keep_alive = 65'535});
    const std::string up = wire::publish({.level = level, .topic = "up/a"});
    talk.client_sends(up + up);
    CHECK(talk.broker_gets() == up);
    CHECK(talk.paused(Side::client) == 0);  // an hour is more than half of 1,200 s: dropped
    REQUIRE(talk.events.refusals.size() >= 1);
    CHECK(talk.events.refusals.back().action == Action::drop);
  }
}
