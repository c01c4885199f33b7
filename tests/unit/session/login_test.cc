// CONNECT waits for an authenticator.

#include <doctest/doctest.h>

#include "conversation.h"

using namespace sallyport;
using namespace sallyport::test;
using mqtt::ReasonCode;
using std::chrono::seconds;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

namespace {

SessionOptions asking() {
  SessionOptions options;
  options.authenticate = true;
  return options;
}

std::string connect(wire::Level level) {
  return wire::connect({.level = level, .username = "ursula", .password = "s3cret"});
}

/// 0x.. of 5.0, and the return code of 3.x.
std::string refused(wire::Level level, unsigned v5_code, unsigned v3_code) {
  return wire::connack(level, level == v5 ? v5_code : v3_code);
}

}  // namespace

TEST_CASE("without an authenticator nobody is asked") {
  Conversation talk(up_and_down());
  talk.client_sends(connect(v5));
  CHECK_FALSE(talk.asks_login());
  CHECK(talk.dialled());
}

TEST_CASE("who is let in goes on to the broker, and CONNECT goes there as it came") {
  for (const wire::Level level : wire::kLevels) {
    Conversation talk(up_and_down(), asking());
    talk.client_sends(connect(level) + wire::pingreq());
    REQUIRE(talk.asks_login());
    CHECK_FALSE(talk.dialled());
    CHECK(talk.paused(Side::client) == Session::kAwaitingAnswer);
    const LoginRequest request = talk.session().login();
    CHECK(request.username == "ursula");
    CHECK(as_text(request.password) == "s3cret");
    CHECK(request.auth_method.empty());
    CHECK(request.identity.client_id == talk.session().identity().client_id);
    CHECK(request.identity.address == "127.0.0.1");

    talk.accepts_login();
    CHECK(talk.dialled());
    talk.broker_accepts();
    CHECK(talk.broker_gets() == connect(level));
    talk.broker_sends(wire::connack(level));
    // A client of 5.0 is told the bounds of the gateway, too.
    if (level != v5) CHECK(talk.client_gets() == wire::connack(level));
    CHECK(talk.events.begun == 1);
    CHECK(talk.broker_gets() == wire::pingreq());
    CHECK(talk.events.refusals.empty());
    CHECK(talk.memory() == 0);  // the password is gone
    talk.pass(std::chrono::hours(1) * 24 * 365);
    CHECK(talk.events.end_kind == CloseKind::keep_alive);
  }
}

TEST_CASE("a client may come without name and password, or in pieces") {
  Conversation nobody(up_and_down(), asking());
  nobody.client_sends(wire::connect({.level = v5}));
  REQUIRE(nobody.asks_login());
  CHECK_FALSE(nobody.session().login().username.has_value());
  CHECK(nobody.session().login().password.empty());

  Conversation pieces(up_and_down(), asking());
  pieces.client_sends_bytewise(connect(v3_1_1));
  REQUIRE(pieces.asks_login());
  CHECK(as_text(pieces.session().login().password) == "s3cret");
}

TEST_CASE("the password is found where CONNECT is rewritten, and a method is told") {
  Conversation talk(up_and_down(), asking());
  talk.client_sends(wire::connect(
      {.level = v5,
       .properties = wire::topic_alias_maximum(100) + wire::authentication_method("SCRAM"),
       .username = "u",
       .password = "p"}));
  REQUIRE(talk.asks_login());
  CHECK(talk.events.rewrites == std::vector{Rewrite::connect});
  CHECK(as_text(talk.session().login().password) == "p");
  CHECK(talk.session().login().auth_method == "SCRAM");
}

TEST_CASE("who is refused is told so in CONNACK, and the broker hears nothing") {
  for (const wire::Level level : wire::kLevels) {
    Conversation talk(up_and_down(), asking());
    talk.client_sends(connect(level));
    talk.refuses_login();
    CHECK(talk.client_gets() == refused(level, 0x86, 4));
    CHECK(talk.closed());
    CHECK_FALSE(talk.dialled());
    CHECK(talk.events.end_kind == CloseKind::refused);
    CHECK(talk.events.end_detail == "login.refused");
    REQUIRE(talk.events.refusals.size() == 1);
    CHECK(talk.events.refusals[0].name == "login.refused");
    CHECK(talk.events.refusals[0].phase == Phase::login);
    CHECK(talk.events.refusals[0].packet == mqtt::PacketType::connect);
    CHECK(talk.events.refusals[0].reason == ReasonCode::bad_user_name_or_password);
  }
  Conversation other(up_and_down(), asking());
  other.client_sends(connect(v5));
  other.refuses_login({.check = Check::connect_rate, .reason = ReasonCode::banned});
  CHECK(other.client_gets() == wire::connack(v5, 0x8A));
  CHECK(other.events.end_detail == "policy.connect-rate");
}

TEST_CASE("nobody can say: the client is refused, and may come again") {
  for (const wire::Level level : wire::kLevels) {
    Conversation talk(up_and_down(), asking());
    talk.client_sends(connect(level));
    talk.login_unavailable();
    CHECK(talk.client_gets() == refused(level, 0x88, 3));
    CHECK(talk.events.end_kind == CloseKind::login_unavailable);
    CHECK(talk.events.end_detail == "login.unavailable");
    CHECK(talk.events.refusals[0].name == "login.unavailable");
    CHECK_FALSE(talk.dialled());
  }
}

TEST_CASE("an answer that does not come in time is one that does not come") {
  for (const wire::Level level : wire::kLevels) {
    SessionOptions options = asking();
    options.login_timeout = seconds(3);
    Conversation talk(up_and_down(), options);
    talk.client_sends(connect(level));
    CHECK(talk.session().wake_at() == Instant(seconds(1003)));
    talk.pass(seconds(3) - Duration(1));
    CHECK_FALSE(talk.closed());
    talk.pass(Duration(1));
    CHECK(talk.client_gets() == refused(level, 0x88, 3));
    CHECK(talk.events.end_kind == CloseKind::login_unavailable);
    CHECK(talk.events.refusals[0].name == "login.timeout");
    CHECK(talk.events.refusals[0].phase == Phase::login);
    talk.accepts_login();  // too late
    CHECK_FALSE(talk.dialled());
    CHECK(talk.client_gets().empty());
  }
}

TEST_CASE("the time for the broker begins with the dial") {
  SessionOptions options = asking();
  options.login_timeout = seconds(60);
  Conversation talk(up_and_down(), options);
  talk.client_sends(connect(v5));
  talk.pass(seconds(59));
  talk.accepts_login();
  CHECK(talk.session().wake_at() == Instant(seconds(1059)) + options.broker_timeout);
  talk.accepts_login();  // again: nothing
  CHECK(talk.dialled());
}

TEST_CASE("a client that leaves meanwhile just ends") {
  Conversation talk(up_and_down(), asking());
  talk.client_sends(connect(v5));
  talk.ends(Side::client);
  CHECK(talk.closed());
  CHECK(talk.events.end_kind == CloseKind::closed);
  CHECK(talk.events.refusals.empty());
  talk.accepts_login();
  CHECK_FALSE(talk.dialled());
}

TEST_CASE("all other checks come first: a CONNECT that they refuse costs no login") {
  policy::PolicySpec nobody = up_and_down();
  nobody.roles[0].match["client_id"] = {"somebody-else"};
  Conversation talk(nobody, asking());
  talk.client_sends(connect(v5));
  CHECK(talk.closed());
  CHECK_FALSE(talk.asks_login());

  Conversation will(up_and_down(), asking());
  will.client_sends(wire::connect({.level = v5, .will_topic = "no"}));
  CHECK(will.closed());
  CHECK_FALSE(will.asks_login());
}

TEST_CASE("a login that is over ends the session, and a 5.0 client is told why") {
  for (const wire::Level level : wire::kLevels) {
    Conversation talk(up_and_down(), asking());
    talk.client_sends(wire::connect({.level = level, .username = "u", .password = "p"}));
    talk.accepts_login(seconds(30));
    talk.broker_accepts();
    talk.broker_sends(wire::connack(level));
    REQUIRE(talk.events.begun == 1);
    (void)talk.client_gets();
    talk.pass(seconds(30) - Duration(1));
    CHECK_FALSE(talk.closed());
    talk.pass(Duration(1));
    CHECK(talk.closed());
    CHECK(talk.client_gets() == (level == v5 ? wire::disconnect(0xA0) : ""));
    CHECK(talk.events.end_kind == CloseKind::refused);
    CHECK(talk.events.refusals[0].name == "login.expired");
    CHECK(talk.events.refusals[0].phase == Phase::open);
  }
}

TEST_CASE("a login that is over before the session is open lets nobody in") {
  for (const wire::Level level : wire::kLevels) {
    Conversation at_once(up_and_down(), asking());
    at_once.client_sends(connect(level));
    at_once.accepts_login(Duration::zero());
    CHECK(at_once.client_gets() == refused(level, 0x87, 5));
    CHECK_FALSE(at_once.dialled());

    Conversation later(up_and_down(), asking());
    later.client_sends(connect(level));
    later.accepts_login(seconds(1));
    later.broker_accepts();
    later.pass(seconds(1));
    (void)later.broker_gets();
    later.broker_sends(wire::connack(level));
    CHECK(later.events.begun == 0);
    CHECK(later.client_gets() == refused(level, 0x87, 5));
    CHECK(later.broker_gets() == wire::disconnect());  // so that it publishes no Will
    CHECK(later.events.refusals[0].name == "login.expired");
  }
}

TEST_CASE("what the authenticator says of a client is kept with its identity") {
  Conversation talk(up_and_down(), asking());
  talk.client_sends(wire::connect({.level = v5, .will_topic = "up/gone"}));
  talk.accepts_login({}, {{"group", "pumps"}, {"group", "plant-1"}});
  CHECK(talk.dialled());
  CHECK(talk.session().identity().login_attributes ==
        std::vector<LoginAttribute>{{"group", "pumps"}, {"group", "plant-1"}});
  CHECK(talk.events.refusals.empty());
}

TEST_CASE("CONNECT is judged again by the policy that is in force when the attributes are known") {
  Conversation talk(up_and_down(), asking());
  talk.client_sends(wire::connect({.level = v5, .will_topic = "up/gone"}));
  talk.set_policy(everybody({allow("other", {"other"})}));
  talk.accepts_login({}, {{"group", "pumps"}});
  CHECK_FALSE(talk.dialled());
  CHECK(talk.client_gets() == wire::connack(v5, 0x87));
}

TEST_CASE("the end of the gateway and of the policy reach a client that waits") {
  Conversation down(up_and_down(), asking());
  down.client_sends(connect(v3_1_1));
  down.shut_down();
  CHECK(down.client_gets() == wire::connack(v3_1_1, 3));
  CHECK(down.closed());

  policy::PolicySpec nobody = up_and_down();
  nobody.roles[0].match["client_id"] = {"somebody-else"};
  Conversation changed(up_and_down(), asking());
  changed.client_sends(connect(v5));
  changed.set_policy(nobody);
  CHECK(changed.client_gets() == wire::connack(v5, 0x87));
  CHECK(changed.events.end_kind == CloseKind::policy_changed);
}
