// SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT, AUTH, and keep-alive.

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::v3_1_1;
using wire::v5;

namespace {

/// Everything, but `burst` packets only.
policy::PolicySpec few(unsigned burst) {
  policy::PolicySpec spec = everything();
  policy::RateSpec rate;
  rate.messages = Rate{1, std::chrono::hours(1)};
  rate.burst = burst;
  rate.on_exceed = Action::drop;
  spec.roles[0].limits = rate;
  return spec;
}

}  // namespace

TEST_CASE(
    "[MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.3.1-7] [MQTT-2.2.1-6] [MQTT-3.8.4-4 (3.1.1)] "
    "[MQTT-3.8.4-5 (5.0)] [MQTT-3.9.3-1] one SUBACK, with the identifier that was asked under and "
    "the codes in order") {
  for (const wire::Level level : wire::kBoth) {
    const unsigned no = level == v5 ? 0x87 : 0x80;
    for (const unsigned id : {1U, 0x1234U, 65'535U}) {
      Conversation talk(up_and_down());
      talk.open({.level = level});
      talk.client_sends(wire::subscribe(level, id, {{"up/a", 0}, {"up/b", 2}}));
      CHECK(talk.client_gets() == wire::suback(level, id, {no, no}));
      CHECK(talk.broker_gets().empty());

      talk.client_sends(wire::subscribe(
          level, id, {{"down/a", 0}, {"up/a", 1}, {"down/b", 1}, {"up/b", 1}, {"down/c", 2}}));
      CHECK(talk.broker_gets() ==
            wire::subscribe(level, id, {{"down/a", 0}, {"down/b", 1}, {"down/c", 2}}));
      talk.broker_sends(wire::suback(level, id, {0, 0x80, 2}));
      CHECK(talk.client_gets() == wire::suback(level, id, {0, no, 0x80, no, 2}));
    }
  }
}

TEST_CASE("[MQTT-3.8.4-5 (3.1.1)] [MQTT-3.8.4-6 (5.0)] [MQTT-3.11.3-2] a code for every filter") {
  for (const wire::Level level : wire::kBoth) {
    const std::string asks = wire::subscribe(level, 9, {{"a", 0}, {"b", 1}, {"c", 2}});
    // The gateway fills in what is missing, and leaves out what nobody asked for.
    const std::pair<std::string, std::string> answers[] = {
        {wire::suback(level, 9, {0, 1}), wire::suback(level, 9, {0, 1, 0x80})},
        {wire::suback(level, 9, {0, 1, 2, 0x80}), wire::suback(level, 9, {0, 1, 2})}};
    for (const auto& [answer, instead] : answers) {
      Conversation talk(everything());
      talk.open({.level = level});
      talk.client_sends(asks);
      talk.broker_sends(answer);
      CHECK_FALSE(talk.closed());
      CHECK(last_refusal(talk) == "mqtt.suback-codes 82");
      CHECK(talk.client_gets() == instead);
      CHECK(talk.events.rewrites == std::vector{Rewrite::mended});
    }
    Conversation talk(everything());
    talk.open({.level = level});
    talk.client_sends(asks);
    talk.broker_sends(wire::suback(level, 9, {0, 1, 0x80}));
    CHECK(talk.client_gets() == wire::suback(level, 9, {0, 1, 0x80}));
    CHECK(talk.events.rewrites.empty());
    // The identifier is free again.
    talk.client_sends(wire::subscribe(level, 9, {{"a", 0}}));
    talk.broker_sends(wire::suback(level, 9, {0}));
    CHECK_FALSE(talk.closed());
  }
  Conversation talk(everything());
  talk.open({.level = v5});
  talk.client_sends(wire::unsubscribe(v5, 9, {"a", "b"}));
  talk.broker_sends(unsuback(9, {0}));
  CHECK(last_refusal(talk) == "mqtt.suback-codes 82");
}

TEST_CASE("requests that nobody answers are followed to a limit, and cost nothing once answered") {
  Bounds bounds;
  bounds.max_requests = 10;
  Conversation talk(everything(), bounds);
  talk.open({.level = v5});
  for (unsigned id = 1; id <= 100; ++id) talk.client_sends(wire::subscribe(v5, id, {{"a", 0}}));
  CHECK_FALSE(talk.closed());
  CHECK(talk.memory() < 2000);
  for (unsigned id = 1; id <= 100; ++id) talk.broker_sends(wire::suback(v5, id, {0}));
  CHECK_FALSE(talk.closed());
  CHECK(talk.memory() == sizeof(std::uint64_t));  // the one subscription
}

TEST_CASE(
    "[MQTT-3.8.4-1] [MQTT-3.10.4-4 (5.0)] [MQTT-3.10.4-5 (5.0)] [MQTT-3.10.4-6 (5.0)] "
    "[MQTT-3.11.3-1] [MQTT-3.11.3-2] [MQTT-2.2.1-6] requests over a limit are answered too, with a "
    "code that their answer may carry") {
  Conversation talk(few(1));
  talk.open({.level = v5});
  talk.client_sends(wire::pingreq());  // takes the budget
  (void)talk.broker_gets();
  (void)talk.client_gets();
  talk.client_sends(wire::subscribe(v5, 77, {{"a", 0}, {"b", 1}}));
  CHECK(talk.client_gets() == wire::suback(v5, 77, {0x97, 0x97}));
  talk.client_sends(wire::unsubscribe(v5, 78, {"a", "b", "c"}));
  CHECK(talk.client_gets() == unsuback(78, {0x83, 0x83, 0x83}));
  CHECK(talk.broker_gets().empty());
}

TEST_CASE("[MQTT-3.12.4-1] PINGREQ is answered, by the broker or in its place") {
  for (const wire::Level level : wire::kBoth) {
    Conversation talk(few(2));
    talk.open({.level = level});
    talk.client_sends(wire::pingreq());
    CHECK(talk.broker_gets() == wire::pingreq());
    CHECK(talk.client_gets().empty());
    talk.broker_sends(wire::pingresp());
    CHECK(talk.client_gets() == wire::pingresp());
    talk.client_sends(wire::pingreq() + wire::pingreq() + wire::pingreq());
    CHECK(talk.broker_gets() == wire::pingreq());
    CHECK(talk.client_gets() == wire::pingresp() + wire::pingresp());
  }
}

TEST_CASE(
    "[MQTT-3.1.2-23 (3.1.1)] [MQTT-3.1.2-20 (5.0)] [MQTT-3.1.2-21 (5.0)] [MQTT-3.2.2-21] "
    "[MQTT-3.2.2-22] for a client whose every packet is refused PINGREQ is sent, by the keep-alive "
    "that holds") {
  struct Row {
    wire::Level level;
    unsigned asked;
    std::string connack;
    int holds;
  };
  for (const Row& row :
       {Row{v3_1_1, 10, {}, 10}, Row{v5, 10, {}, 10}, Row{v5, 60, wire::server_keep_alive(4), 4},
        Row{v5, 0, wire::server_keep_alive(7), 7}}) {
    Conversation talk(up_and_down());
    talk.open({.level = row.level, .keep_alive = row.asked}, row.connack);
    const std::string refused = wire::publish({.level = row.level, .topic = "no"});
    for (int second = 1; second < row.holds; ++second) {
      talk.client_sends(refused);
      talk.pass(seconds(1));
    }
    CHECK(talk.broker_gets().empty());
    talk.client_sends(refused);
    talk.pass(seconds(1));
    CHECK(talk.broker_gets() == wire::pingreq());
    // And when it falls silent, it is held to the same.
    talk.pass(milliseconds(500) * row.holds);
    CHECK(talk.closed() == (row.holds <= 2));
    talk.pass(milliseconds(1000) * row.holds);
    CHECK(talk.closed());
    CHECK(talk.client_gets() == (row.level == v5 ? wire::disconnect(0x8D) : ""));
  }
}

TEST_CASE(
    "[MQTT-3.14.4-1 (3.1.1)] [MQTT-3.14.4-2 (3.1.1)] [MQTT-3.14.4-1 (5.0) from both] "
    "[MQTT-3.14.4-2 "
    "(5.0) from both] after DISCONNECT nothing goes on, and both connections are closed") {
  for (const wire::Level level : wire::kBoth) {
    for (const Side from : {Side::client, Side::broker}) {
      if (level != v5 && from == Side::broker) continue;
      Conversation talk(everything());
      talk.open({.level = level});
      send(talk, from, wire::disconnect() + wire::publish({.level = level, .topic = "t"}));
      send(talk, from, wire::publish({.level = level, .topic = "t"}));
      send(talk, other(from), wire::publish({.level = level, .topic = "t"}));
      CHECK(gets(talk, other(from)) == wire::disconnect());
      CHECK(gets(talk, from).empty());
      CHECK(talk.closed());
      CHECK(talk.events.end_kind == CloseKind::disconnect);
    }
  }
  // Its own last word is the last.
  Conversation talk(everything());
  talk.open({.level = v5});
  talk.client_sends(wire::publish({.level = v5, .topic = "#"}) + wire::pingreq());
  talk.broker_sends(wire::pingresp());
  CHECK(talk.client_gets() == wire::disconnect(0x81));
  CHECK(talk.closed());
}

TEST_CASE("AUTH in an open session") {
  for (const Side from : {Side::client, Side::broker}) {
    check_passes(
        {"[MQTT-4.12.0-5 from both]", v5, from, auth(0x18, kMethod), {}, kMethod, kMethod});
    for (const std::string& other :
         {std::string(), wire::authentication_method("N"), wire::authentication_method("")}) {
      check_refused({"[MQTT-4.12.0-5 from both]", v5, from, auth(0x18, other),
                     "mqtt.auth-method 82", kMethod, kMethod});
    }
    check_refused(
        {"[MQTT-4.12.0-6] [MQTT-4.12.0-7]", v5, from, auth(0x18, kMethod), "mqtt.auth-method 82"});
  }
  check_passes({"[MQTT-4.12.1-1]", v5, Side::client, auth(0x19, kMethod), {}, kMethod, kMethod});
  check_refused({"[MQTT-4.12.1-1]", v5, Side::client, auth(0x19, wire::authentication_method("N")),
                 "mqtt.auth-method 82", kMethod, kMethod});
  check_passes({"success", v5, Side::broker, auth(0x00, kMethod), {}, kMethod, kMethod});
}

TEST_CASE("[MQTT-4.12.1-2 from both] authentication anew that fails ends the session") {
  for (const Side from : {Side::client, Side::broker}) {
    Conversation talk(everything());
    talk.open({.level = v5, .properties = kMethod}, kMethod);
    talk.client_sends(auth(0x19, kMethod));
    talk.broker_sends(auth(0x18, kMethod));
    CHECK(talk.broker_gets() == auth(0x19, kMethod));
    CHECK(talk.client_gets() == auth(0x18, kMethod));
    const std::string end = wire::disconnect(from == Side::client ? 0x80 : 0x87);
    send(talk, from, end);
    CHECK(gets(talk, other(from)) == end);
    CHECK(talk.closed());
  }
}
