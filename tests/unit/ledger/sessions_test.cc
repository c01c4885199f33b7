// What sessions take from the ledger: who pays, for CONNECT, for messages and for a Will.

#include <string>

#include <doctest/doctest.h>

#include "accounts.h"
#include "conformance.h"
#include "ledger/local_ledger.h"

namespace sallyport::test {
namespace {

using std::chrono::seconds;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

const Identity kHere{"devices", "192.0.2.1", {}, {}, {}};

std::shared_ptr<const Certificate> certificate(std::string fingerprint) {
  auto made = std::make_shared<Certificate>();
  made->fingerprint = std::move(fingerprint);
  return made;
}

Identity at(std::string address, std::shared_ptr<const Certificate> shown = nullptr) {
  return {"devices", std::move(address), std::move(shown), {}, {}};
}

policy::RateSpec rate(std::uint64_t count, std::uint64_t burst, Action on_exceed) {
  policy::RateSpec spec;
  spec.messages = Rate{count, std::chrono::hours(1)};
  spec.burst = burst;
  spec.on_exceed = on_exceed;
  return spec;
}

/// Publish to `t` under the limit of its rule or of the role, and to `free` under the role's.
policy::PolicySpec limited(const policy::RateSpec& limit, bool by_role) {
  policy::PolicySpec spec = everybody({allow("telemetry", {"t/#"}), allow("free", {"free"})});
  if (by_role) {
    spec.roles[0].limits = limit;
  } else {
    spec.roles[0].rules[0].limit = limit;
  }
  return spec;
}

struct Bench {
  ledger::LocalLedger ledger{{}, kKey};
  SessionOptions options;
  Bench() { options.ledger = &ledger; }

  Conversation session(const policy::PolicySpec& spec, Identity who = kHere) {
    return Conversation(spec, options, std::move(who));
  }
};

int publishes(Conversation& talk, int count) {
  const std::string message = wire::publish({.topic = "t/x"});
  for (int i = 0; i < count; ++i) talk.client_sends(message);
  return static_cast<int>(talk.broker_gets().size() / message.size());
}

TEST_CASE("how often a client connects") {
  Bench bench;
  bench.options.connects = limit_of({1, std::chrono::hours(1)}, 2, "devices");
  const auto connects = [&](const Identity& identity, const wire::Connect& connect) {
    policy::PolicySpec spec = up_and_down();
    spec.roles[0].client_id = std::nullopt;
    Conversation talk = bench.session(spec, identity);
    talk.client_sends(wire::connect(connect));
    if (talk.dialled()) return std::string("dialled");
    CHECK(talk.closed());
    CHECK(last_refusal(talk) ==
          (connect.will_topic.empty() ? "policy.connect-rate 9F" : "policy.no-rule 87"));
    return talk.client_gets();
  };
  // What the policy refuses is not counted.
  for (int i = 0; i < 5; ++i) {
    CHECK(connects(kHere, {.will_topic = "elsewhere"}) == wire::connack(v3_1_1, 5));
  }
  for (int i = 0; i < 2; ++i) CHECK(connects(kHere, {}) == "dialled");
  CHECK(connects(kHere, {}) == wire::connack(v3_1_1, 3));
  CHECK(connects(kHere, {.level = v3_1}) == wire::connack(v3_1, 3));
  CHECK(connects(kHere, {.level = v5}) == wire::connack(v5, 0x9F));
  // Others: by name, by address, by certificate; an address does not count where one is shown.
  CHECK(connects(kHere, {.client_id = "c2"}) == "dialled");
  CHECK(connects(at("192.0.2.2"), {}) == "dialled");
  const auto shown = certificate("aa");
  for (int i = 0; i < 2; ++i) CHECK(connects(at("192.0.2.1", shown), {}) == "dialled");
  CHECK(connects(at("192.0.2.9", shown), {.level = v5}) == wire::connack(v5, 0x9F));
  CHECK(connects(at("192.0.2.1", certificate("bb")), {}) == "dialled");
  // An IPv6 address counts by the network of its customer.
  CHECK(connects(at("2001:db8:0:1::1"), {}) == "dialled");
  CHECK(connects(at("2001:db8:0:1:ffff::2"), {}) == "dialled");
  CHECK(connects(at("2001:db8:0:1::3"), {.level = v5}) == wire::connack(v5, 0x9F));
  CHECK(connects(at("2001:db8:0:2::1"), {}) == "dialled");
  // Of how many bits that is, the listener says.
  const auto prefixed = [](std::string address, std::uint8_t v4, std::uint8_t v6) {
    Identity who = at(std::move(address));
    who.address_prefix = {.v4 = v4, .v6 = v6};
    return who;
  };
  for (const char* address : {"2001:db8:1:1::1", "2001:db8:1:ff::1"}) {
    CHECK(connects(prefixed(address, 32, 48), {}) == "dialled");
  }
  CHECK(connects(prefixed("2001:db8:1:7::1", 32, 48), {.level = v5}) == wire::connack(v5, 0x9F));
  CHECK(connects(prefixed("2001:db8:1:7::1", 32, 64), {}) == "dialled");
  for (const char* address : {"198.51.100.1", "198.51.100.2"}) {
    CHECK(connects(prefixed(address, 24, 64), {}) == "dialled");
  }
  CHECK(connects(prefixed("198.51.100.3", 24, 64), {.level = v5}) == wire::connack(v5, 0x9F));
  CHECK(connects(prefixed("::ffff:198.51.100.4", 24, 64), {.level = v5}) ==
        wire::connack(v5, 0x9F));
  // Whom the broker names is somebody else each time.
  for (int i = 0; i < 5; ++i) CHECK(connects(kHere, {.client_id = ""}) == "dialled");
}

TEST_CASE("sessions of one client share its budget, and others have their own") {
  for (const bool by_role : {false, true}) {
    Bench bench;
    const policy::PolicySpec spec = limited(rate(1, 10, Action::drop), by_role);
    Conversation first = bench.session(spec);
    Conversation second = bench.session(spec);
    Conversation other = bench.session(spec);
    Conversation elsewhere = bench.session(spec, at("192.0.2.2"));
    first.open();
    second.open();
    other.open({.client_id = "other"});
    elsewhere.open();
    CHECK(publishes(first, 6) == 6);
    CHECK(publishes(second, 6) == 4);
    CHECK(publishes(first, 6) == 0);
    CHECK(publishes(other, 20) == 10);
    CHECK(publishes(elsewhere, 20) == 10);
  }
}

TEST_CASE("a reload keeps what was used, by the name of the limit") {
  Bench bench;
  policy::PolicySpec spec = limited(rate(1, 10, Action::drop), false);
  Conversation talk = bench.session(spec);
  talk.open();
  CHECK(publishes(talk, 6) == 6);
  // The limit has another index now.
  spec.roles[0].rules.insert(spec.roles[0].rules.begin(), allow("a", {"a"}));
  spec.roles[0].rules[0].limit = rate(5, 5, Action::drop);
  talk.set_policy(spec);
  CHECK(publishes(talk, 6) == 4);
  // More is allowed: what was used stays used.
  spec.roles[0].rules[1].limit = rate(1, 12, Action::drop);
  talk.set_policy(spec);
  CHECK(publishes(talk, 6) == 2);
  // Another limit.
  spec.roles[0].rules[1].id = "renamed";
  talk.set_policy(spec);
  CHECK(publishes(talk, 20) == 12);
}

TEST_CASE("throttling goes on where the session before left off") {
  Bench bench;
  policy::RateSpec limit;
  limit.messages = Rate{1, seconds(1)};
  limit.burst = 3;
  const policy::PolicySpec spec = limited(limit, true);
  Conversation before = bench.session(spec);
  before.open();
  CHECK(publishes(before, 3) == 3);
  Conversation after = bench.session(spec);
  after.open();
  CHECK(publishes(after, 1) == 0);
  CHECK((after.paused(Side::client) & Session::kThrottled) != 0);
  after.pass(seconds(1));
  CHECK(after.broker_gets().size() == wire::publish({.topic = "t/x"}).size());
}

TEST_CASE("a Will is charged like a publish, against the limits of role and rule") {
  for (const bool by_role : {false, true}) {
    for (const Action action : {Action::drop, Action::disconnect, Action::throttle}) {
      for (const wire::Level level : {v3_1, v3_1_1, v5}) {
        CAPTURE(by_role);
        CAPTURE(to_string(action));
        CAPTURE(level);
        Bench bench;
        const policy::PolicySpec spec = limited(rate(1, 3, action), by_role);
        const wire::Connect connect{.level = level, .will_topic = "t/will"};
        for (int i = 0; i < 3; ++i) {
          Conversation talk = bench.session(spec);
          talk.open(connect);
          CHECK(talk.events.refusals.empty());
        }
        Conversation over = bench.session(spec);
        over.client_sends(wire::connect(connect));
        CHECK(over.closed());
        CHECK_FALSE(over.dialled());
        CHECK(over.client_gets() == wire::connack(level, level == v5 ? 0x97 : 3));
        REQUIRE(over.events.refusals.size() == 1);
        CHECK(last_refusal(over) ==
              std::string(by_role ? "everybody.limits" : "telemetry") + " 97");
        CHECK(over.events.refusals[0].topic == "t/will");
        CHECK(over.events.refusals[0].packet == mqtt::PacketType::connect);
        // Without a Will it is let in, and has nothing left.
        if (action == Action::throttle) continue;
        Conversation talk = bench.session(spec);
        talk.open({.level = level});
        const std::string message = wire::publish({.level = level, .topic = "t/x"});
        talk.client_sends(message);
        CHECK(talk.broker_gets().find(message) == std::string::npos);
      }
    }
  }
}

TEST_CASE("a Will that is refused takes nothing") {
  Bench bench;
  policy::PolicySpec spec = limited(rate(1, 1, Action::drop), false);
  spec.roles[0].limits = rate(1, 5, Action::drop);
  const wire::Connect with_will{.will_topic = "t/will"};
  Conversation first = bench.session(spec);
  first.open(with_will);
  for (int i = 0; i < 10; ++i) {
    Conversation talk = bench.session(spec);
    talk.client_sends(wire::connect(with_will));
    CHECK(talk.closed());
  }
  Conversation talk = bench.session(spec);
  talk.open();
  const std::string message = wire::publish({.topic = "free"});
  for (int i = 0; i < 10; ++i) talk.client_sends(message);
  CHECK(talk.broker_gets().size() == 4 * message.size());
}

TEST_CASE("a Will over a limit that only reports is reported, and let in") {
  Bench bench;
  const policy::PolicySpec spec = limited(rate(1, 1, Action::report), true);
  for (int i = 0; i < 3; ++i) {
    Conversation talk = bench.session(spec);
    talk.client_sends(wire::connect({.will_topic = "t/will"}));
    CHECK(talk.dialled());
    CHECK(last_refusal(talk) == (i == 0 ? "" : "everybody.limits 97"));
    if (i != 0) CHECK(talk.events.refusals[0].action == Action::report);
  }
}

TEST_CASE("a Will's bytes count") {
  Bench bench;
  policy::RateSpec limit;
  limit.bytes = Rate{1000, seconds(1)};
  limit.on_exceed = Action::drop;
  const policy::PolicySpec spec = limited(limit, true);
  const wire::Connect connect{.will_topic = "t/will", .will_payload = std::string(700, 'w')};
  Conversation first = bench.session(spec);
  first.open(connect);
  Conversation second = bench.session(spec);
  second.client_sends(wire::connect(connect));
  CHECK(second.closed());
  CHECK(last_refusal(second) == "everybody.limits 97");
}

TEST_CASE("whom the broker names pays for a Will when its name is known, and once") {
  Bench bench;
  const policy::PolicySpec spec = limited(rate(1, 2, Action::drop), true);
  const auto connects = [&](std::string name) {
    Conversation talk = bench.session(spec);
    talk.client_sends(wire::connect({.level = v5, .client_id = "", .will_topic = "t/will"}));
    CHECK(talk.dialled());
    talk.broker_accepts();
    talk.broker_sends(wire::connack(v5, 0, wire::assigned_client_id(name)));
    if (talk.closed()) CHECK(last_refusal(talk) == "everybody.limits 97");
    return !talk.closed();
  };
  CHECK(connects("made-1"));
  CHECK(connects("made-1"));
  CHECK_FALSE(connects("made-1"));
  CHECK(connects("made-2"));
}

}  // namespace
}  // namespace sallyport::test
