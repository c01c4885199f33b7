// What a session tells of the broker's answers: how long they take, and what they refuse.

#include <doctest/doctest.h>

#include "conversation.h"

using namespace sallyport;
using namespace sallyport::test;
using mqtt::PacketType;
using mqtt::ReasonCode;
using std::chrono::milliseconds;
using std::chrono::minutes;
using wire::v3_1_1;
using wire::v5;

namespace {

using Answers = std::vector<std::pair<PacketType, Duration>>;
using Refusals = std::vector<std::pair<PacketType, ReasonCode>>;

std::string publish(wire::Level level, unsigned id, unsigned qos = 1) {
  return wire::publish(
      {.level = level, .topic = "up/a", .payload = "1", .qos = qos, .packet_id = id});
}

}  // namespace

TEST_CASE("how long the broker takes for CONNACK, PUBACK, PUBREC and SUBACK") {
  Conversation talk(up_and_down());
  talk.client_sends(wire::connect({.level = v5}));
  talk.broker_accepts();
  talk.pass(milliseconds(7));
  talk.broker_sends(wire::connack(v5));
  talk.client_sends(wire::subscribe(v5, 3, {{"down/a", 0}}));
  talk.pass(milliseconds(5));
  talk.broker_sends(wire::suback(v5, 3, {0}));
  talk.pass(milliseconds(100));
  talk.client_sends(publish(v5, 1));
  talk.pass(milliseconds(3));
  talk.broker_sends(wire::puback(1));
  talk.pass(milliseconds(100));
  talk.client_sends(publish(v5, 2, 2));
  talk.pass(milliseconds(4));
  talk.broker_sends(wire::pubrec(2));
  CHECK(talk.events.answers == Answers{{PacketType::connack, milliseconds(7)},
                                       {PacketType::suback, milliseconds(5)},
                                       {PacketType::puback, milliseconds(3)},
                                       {PacketType::pubrec, milliseconds(4)}});
}

TEST_CASE("of many in flight one is followed, also on the short way of packets that repeat") {
  Conversation talk(up_and_down());
  talk.open({.level = v3_1_1});
  talk.events.answers.clear();
  talk.pass(milliseconds(100));
  for (unsigned id = 1; id <= 3; ++id) {
    talk.client_sends(publish(v3_1_1, id));
    talk.pass(milliseconds(1));
  }
  talk.broker_sends(wire::puback(2) + wire::puback(1) + wire::puback(3));
  CHECK(talk.events.answers == Answers{{PacketType::puback, milliseconds(3)}});
  // Ten a second are enough.
  talk.client_sends(publish(v3_1_1, 4));
  talk.pass(milliseconds(9));
  talk.broker_sends(wire::puback(4));
  CHECK(talk.events.answers.size() == 1);
  talk.pass(milliseconds(100));
  talk.client_sends(publish(v3_1_1, 5));
  talk.pass(milliseconds(9));
  talk.broker_sends(wire::puback(5));
  CHECK(talk.events.answers.back() == Answers::value_type{PacketType::puback, milliseconds(9)});
}

TEST_CASE("an answer that never comes is given up, and one that nobody asked for is none") {
  Conversation talk(up_and_down());
  talk.open({.level = v3_1_1, .keep_alive = 0});
  talk.events.answers.clear();
  talk.broker_sends(wire::puback(9));
  CHECK(talk.events.answers.empty());
  talk.client_sends(publish(v3_1_1, 1));
  talk.pass(minutes(2));
  talk.client_sends(publish(v3_1_1, 2));
  talk.pass(milliseconds(2));
  talk.broker_sends(wire::puback(2));
  CHECK(talk.events.answers == Answers{{PacketType::puback, milliseconds(2)}});
}

TEST_CASE("what the broker itself refuses, by packet and code") {
  Conversation talk(up_and_down());
  talk.open({.level = v5});
  CHECK(talk.events.broker_refusals.empty());
  talk.client_sends(publish(v5, 1) + publish(v5, 2, 2));
  talk.broker_sends(wire::ack(4, 1, 0x87) + wire::ack(5, 2, 0x97) + wire::ack(4, 3, 0x10));
  talk.client_sends(wire::subscribe(v5, 4, {{"down/a", 0}, {"down/b", 0}, {"down/c", 0}}));
  talk.broker_sends(wire::suback(v5, 4, {0x87, 0, 0x80}));
  talk.broker_sends(wire::disconnect(0x8E));
  CHECK(talk.events.broker_refusals ==
        Refusals{{PacketType::puback, ReasonCode::not_authorized},
                 {PacketType::pubrec, ReasonCode::quota_exceeded},
                 {PacketType::suback, ReasonCode::not_authorized},
                 {PacketType::suback, ReasonCode::unspecified_error},
                 {PacketType::disconnect, ReasonCode::session_taken_over}});
}

TEST_CASE("a CONNACK that refuses has the reason of 5.0 whatever the version") {
  for (const auto& [level, code] : {std::pair(v5, 0x87U), std::pair(v3_1_1, 5U)}) {
    Conversation talk(up_and_down());
    talk.client_sends(wire::connect({.level = level}));
    talk.broker_accepts();
    talk.broker_sends(wire::connack(level, code));
    CHECK(talk.events.broker_refusals ==
          Refusals{{PacketType::connack, ReasonCode::not_authorized}});
  }
}

TEST_CASE("how long an authenticator takes, and what it says") {
  SessionOptions options;
  options.authenticate = true;
  const auto asked = [&](auto answer) {
    Conversation talk(up_and_down(), options);
    talk.client_sends(wire::connect({.level = v5}));
    talk.pass(milliseconds(6));
    answer(talk);
    REQUIRE(talk.events.logins.size() == 1);
    return talk.events.logins.front();
  };
  using Login = std::pair<LoginAnswer, Duration>;
  CHECK(asked([](Conversation& talk) { talk.accepts_login(); }) ==
        Login{LoginAnswer::allowed, milliseconds(6)});
  CHECK(asked([](Conversation& talk) { talk.refuses_login(); }) ==
        Login{LoginAnswer::refused, milliseconds(6)});
  CHECK(asked([](Conversation& talk) { talk.login_unavailable(); }) ==
        Login{LoginAnswer::unavailable, milliseconds(6)});
  CHECK(asked([&](Conversation& talk) { talk.pass(options.login_timeout); }) ==
        Login{LoginAnswer::unavailable, options.login_timeout});
}

TEST_CASE(
    "the roles of who is admitted, in the policy's order, and again where a reload changes them") {
  policy::PolicySpec spec = up_and_down();
  const std::string name = spec.roles[0].name.value;
  Conversation talk(spec);
  talk.open({.level = v5});
  CHECK(talk.events.roles == name);
  policy::RoleSpec another = spec.roles[0];
  another.name = "another";
  for (auto& rule : another.rules) rule.id = "another-" + rule.id.value;
  spec.roles.push_back(another);
  talk.set_policy(spec);
  CHECK(talk.events.roles == name + "+another");
}
