// Whoever reads how a session ended reads, too, that the broker publishes its Will because of it.
// 3.1.2.5

#include <functional>
#include <string>

#include <doctest/doctest.h>

#include "conversation.h"

using namespace sallyport;
using namespace sallyport::test;
using mqtt::ReasonCode;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

namespace {

wire::Connect with_will(wire::Level level) { return {.level = level, .will_topic = "up/will"}; }

struct WillRow {
  const char* what;
  bool published;
  std::function<void(Conversation&)> end;
  wire::Level from = v3_1;
};

}  // namespace

TEST_CASE("will: what a session that was open leaves behind") {
  const WillRow rows[] = {
      {"the client says DISCONNECT", false,
       [](auto& talk) { talk.client_sends(wire::disconnect()); }},
      {"with reason 0x00", false, [](auto& talk) { talk.client_sends(wire::disconnect(0)); }, v5},
      {"with Will", true, [](auto& talk) { talk.client_sends(wire::disconnect(4)); }, v5},
      {"for a reason of its own", true,
       [](auto& talk) { talk.client_sends(wire::disconnect(0x83)); }, v5},
      {"a DISCONNECT that is none", true,
       [](auto& talk) { talk.client_sends(wire::packet(0xE0, wire::u8(0x7F))); }, v5},
      {"the client goes", true, [](auto& talk) { talk.ends(Side::client); }},
      {"its socket fails", true,
       [](auto& talk) { talk.ends(Side::client, CloseKind::network_error); }},
      {"it falls silent", true, [](auto& talk) { talk.pass(std::chrono::hours(1)); }},
      {"it says nonsense", true,
       [](auto& talk) { talk.client_sends(std::string("\xF0\x01x", 3)); }},
      {"the broker goes", true, [](auto& talk) { talk.ends(Side::broker); }},
      {"the broker says DISCONNECT", true,
       [](auto& talk) { talk.broker_sends(wire::disconnect(0x8E)); }, v5},
      {"the policy admits it no more", false,
       [](auto& talk) {
         policy::PolicySpec nobody = up_and_down();
         nobody.roles[0].match["client_id"] = {"somebody-else"};
         talk.set_policy(nobody);
       }},
      {"its certificate counts no more", false,
       [](auto& talk) { talk.is_revoked(Check::certificate_revoked); }},
      {"the policy forbids its topic, and the client goes", false,
       [](auto& talk) {
         policy::PolicySpec other = up_and_down();
         other.roles[0].rules[0].publish[0].value = "elsewhere/#";
         talk.set_policy(other);
         talk.ends(Side::client);
       }},
      {"... or the broker goes, which has done then what it does", true,
       [](auto& talk) {
         policy::PolicySpec other = up_and_down();
         other.roles[0].rules[0].publish[0].value = "elsewhere/#";
         talk.set_policy(other);
         talk.ends(Side::broker);
       }},
      {"its certificate counts no more, half a message is on its way", true,
       [](auto& talk) {
         // For 5.0 the first byte says that there are no properties.
         const std::string payload("\0whole", 6);
         talk.client_sends(wire::publish({.topic = "up/x", .payload = payload}).substr(0, 10));
         talk.is_revoked(Check::certificate_revoked);
       }},
      {"somebody ends it", true,
       [](auto& talk) { talk.ends_by_order(Check::shutting_down, ReasonCode::not_authorized); }},
      {"the gateway stops", true, [](auto& talk) { talk.shut_down(); }},
  };
  for (const WillRow& row : rows) {
    for (const wire::Level level : wire::kLevels) {
      if (level < row.from) continue;
      CAPTURE(row.what);
      CAPTURE(static_cast<int>(level));
      Conversation talk(up_and_down());
      talk.open(with_will(level));
      row.end(talk);
      REQUIRE(talk.events.ended == 1);
      CHECK(talk.events.end_will == (row.published ? "up/will" : ""));

      Conversation without(up_and_down());
      without.open({.level = level});
      row.end(without);
      REQUIRE(without.events.ended == 1);
      CHECK(without.events.end_will.empty());
    }
  }
}

TEST_CASE("will: a session that was never open leaves one only where the broker has CONNECT") {
  for (const wire::Level level : wire::kLevels) {
    CAPTURE(static_cast<int>(level));
    Conversation refused(everybody({allow("other", {"other"})}));
    refused.client_sends(wire::connect(with_will(level)));
    REQUIRE(refused.events.ended == 1);
    CHECK(refused.events.end_will.empty());

    Conversation dialing(up_and_down());
    dialing.client_sends(wire::connect(with_will(level)));
    dialing.ends(Side::client);
    REQUIRE(dialing.events.ended == 1);
    CHECK(dialing.events.end_will.empty());

    // The broker may have accepted it: its CONNACK is on the way, or is not.
    Conversation unanswered(up_and_down());
    unanswered.client_sends(wire::connect(with_will(level)));
    unanswered.broker_accepts();
    unanswered.ends(Side::client);
    REQUIRE(unanswered.events.ended == 1);
    CHECK(unanswered.events.begun == 0);
    CHECK(unanswered.events.end_will == "up/will");

    Conversation silent(up_and_down());
    silent.client_sends(wire::connect(with_will(level)));
    silent.broker_accepts();
    silent.ends(Side::broker);
    REQUIRE(silent.events.ended == 1);
    CHECK(silent.events.end_will.empty());

    Conversation late(up_and_down());
    late.client_sends(wire::connect(with_will(level)));
    late.broker_accepts();
    late.pass(std::chrono::hours(1));
    REQUIRE(late.events.ended == 1);
    CHECK(late.events.end_will == "up/will");

    Conversation no(up_and_down());
    no.client_sends(wire::connect(with_will(level)));
    no.broker_accepts();
    no.broker_sends(wire::connack(level, level == v5 ? 0x87 : 5));
    REQUIRE(no.events.ended == 1);
    CHECK(no.events.end_will.empty());
  }
}

TEST_CASE("will: a client that is refused behind CONNACK leaves none, for the broker is told") {
  policy::PolicySpec spec = everybody({allow("all", {"#"})});
  policy::RoleSpec named = role("auto", {deny("no-will", {"up/#"})});
  named.match["client_id"] = {"auto-*"};
  spec.roles.push_back(std::move(named));
  Conversation talk(spec);
  wire::Connect connect = with_will(v5);
  connect.client_id = "";
  talk.client_sends(wire::connect(connect));
  REQUIRE(talk.dialled());
  talk.broker_accepts();
  (void)talk.broker_gets();
  talk.broker_sends(wire::connack(v5, 0, wire::assigned_client_id("auto-1")));
  CHECK(talk.broker_gets() == wire::disconnect());
  REQUIRE(talk.events.ended == 1);
  CHECK(talk.events.end_will.empty());
}

TEST_CASE(
    "will: a session that is given up leaves it, and it costs memory only where there is one") {
  Recorder events;
  {
    const SessionOptions options;
    Turn turn;
    const Instant now(std::chrono::seconds(1000));
    Session session(options, {"devices", "127.0.0.1", {}, {}, {}}, compiled(up_and_down()), events,
                    1, now);
    CHECK(session.memory() == 0);
    const std::string hello = wire::connect(with_will(v3_1_1));
    CHECK(session.feed(Side::client, as_bytes(hello), now, turn) == hello.size());
    session.broker_connected(now, turn);
    const std::string answer = wire::connack(v3_1_1);
    CHECK(session.feed(Side::broker, as_bytes(answer), now, turn) == answer.size());
    CHECK(session.memory() >= sizeof(std::string));
    CHECK(session.memory() <= 64);
  }
  CHECK(events.ended == 1);
  CHECK(events.end_will == "up/will");
}
