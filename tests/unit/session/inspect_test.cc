// A rule that wants to see the payload: it is held up to the rule's bound, then forwarded verbatim
// or refused. Nobody else pays.

#include <random>

#include <doctest/doctest.h>

#include "conversation.h"

using namespace sallyport;
using namespace sallyport::test;
using mqtt::ReasonCode;
using wire::v3_1_1;
using wire::v5;

namespace {

constexpr std::uint32_t kMost = 200;  // bytes of a payload that the rules hold

/// Refuses every payload with "bad" in it.
struct NoBad final : policy::Inspector {
  std::optional<ReasonCode> refuse(std::string_view topic, Bytes payload) const override {
    ++seen;
    last_topic = topic;
    if (as_text(payload).find("bad") == std::string_view::npos) return std::nullopt;
    return ReasonCode::payload_format_invalid;
  }
  mutable int seen = 0;
  mutable std::string last_topic;
};

struct Inspected {
  std::shared_ptr<NoBad> inspector = std::make_shared<NoBad>();
  policy::PolicySpec spec;

  explicit Inspected(Action action = Action::drop) {
    policy::RuleSpec up = allow("up", {"up/#"});
    up.inspection = {inspector, kMost};
    up.on_deny = policy::OnDeny{action, action};
    policy::RuleSpec down = allow("down", {}, {"down/#"});
    down.inspection = {inspector, kMost};
    down.on_deny = policy::OnDeny{action, action};
    spec = everybody({up, down, allow("free", {"free/#"}, {"free/#"})});
  }
};

std::string with_alias(std::string topic, unsigned alias, std::string payload) {
  return wire::publish({.level = v5,
                        .topic = std::move(topic),
                        .payload = std::move(payload),
                        .properties = wire::topic_alias(alias)});
}

}  // namespace

TEST_CASE("a payload that may pass goes on as it came, one that may not is answered") {
  for (const wire::Level level : {v3_1_1, v5}) {
    const Inspected policy;
    Conversation talk(policy.spec);
    talk.open({.level = level});
    const std::string good = wire::publish({.level = level, .topic = "up/a", .payload = "good"});
    talk.client_sends(good + good);
    CHECK(talk.broker_gets() == good + good);
    CHECK(policy.inspector->seen == 2);  // no remembered verdict stands for a payload
    CHECK(policy.inspector->last_topic == "up/a");

    const auto bad = [level](unsigned qos) {
      return wire::publish(
          {.level = level, .topic = "up/a", .payload = "so bad", .qos = qos, .packet_id = 7});
    };
    talk.client_sends(bad(0) + bad(1) + bad(2));
    CHECK(talk.broker_gets().empty());
    CHECK(talk.client_gets() == (level == v5 ? wire::ack(4, 7, 0x99) + wire::ack(5, 7, 0x99)
                                             : wire::puback(7) + wire::pubrec(7)));
    REQUIRE(talk.events.refusals.size() == 3);
    CHECK(talk.events.refusals[0].name == "up");
    CHECK(talk.events.refusals[0].topic == "up/a");
    CHECK(talk.events.refusals[0].reason == ReasonCode::payload_format_invalid);
  }
}

TEST_CASE("deliveries are inspected too, and acknowledged in the client's place") {
  const Inspected policy;
  Conversation talk(policy.spec);
  talk.open();
  const std::string good = wire::publish({.topic = "down/a", .payload = "good"});
  talk.broker_sends(good + wire::publish({.topic = "down/a", .payload = "bad", .qos = 1}));
  CHECK(talk.client_gets() == good);
  CHECK(talk.broker_gets() == wire::puback(1));
}

TEST_CASE("while a payload is incomplete it is held, within the bounds, and charged") {
  const Inspected policy;
  Conversation talk(policy.spec);
  talk.open();
  const std::string packet =
      wire::publish({.topic = "up/a", .payload = std::string(kMost, 'g'), .qos = 1});
  talk.client_sends(std::string_view(packet).substr(0, packet.size() - 1));
  CHECK(talk.broker_gets().empty());
  CHECK(talk.memory() == packet.size());
  talk.client_sends(std::string_view(packet).substr(packet.size() - 1));
  CHECK(talk.broker_gets() == packet);
  CHECK(talk.memory() == 0);
}

TEST_CASE("a larger payload is refused in the rule's name, and nothing of it is held") {
  const Inspected policy;
  for (const wire::Level level : {v3_1_1, v5}) {
    Conversation talk(policy.spec);
    talk.open({.level = level});
    const std::string packet = wire::publish(
        {.level = level, .topic = "up/a", .payload = std::string(kMost + 1, 'g'), .qos = 1});
    talk.client_sends(std::string_view(packet).substr(0, 30));
    CHECK(talk.client_gets() == (level == v5 ? wire::ack(4, 1, 0x83) : wire::puback(1)));
    CHECK(talk.memory() == 0);
    talk.client_sends(packet.substr(30) + wire::pingreq());
    CHECK(talk.broker_gets() == wire::pingreq());
    CHECK(talk.events.refusals[0].name == "up");
    CHECK(talk.events.refusals[0].reason == ReasonCode::implementation_specific_error);
  }
  CHECK(policy.inspector->seen == 0);
}

TEST_CASE("a connection holds no more than it may, both directions together") {
  const Inspected policy;
  SessionOptions options;
  const std::string up = wire::publish({.topic = "up/a", .payload = std::string(100, 'g')});
  const std::string down = wire::publish({.topic = "down/a", .payload = std::string(100, 'g')});
  options.max_held = static_cast<std::uint32_t>(up.size() + down.size() - 1);
  Conversation talk(policy.spec, options);
  talk.open();
  talk.broker_sends(std::string_view(down).substr(0, 50));
  talk.client_sends(up);  // no room
  CHECK(talk.broker_gets().empty());
  REQUIRE(talk.events.refusals.size() == 1);
  CHECK(talk.events.refusals[0].name == "up");
  talk.broker_sends(std::string_view(down).substr(50));
  CHECK(talk.client_gets() == down);
  talk.client_sends(up);  // there is room again
  CHECK(talk.broker_gets() == up);

  options.max_held = static_cast<std::uint32_t>(up.size() - 1);
  Conversation narrow(policy.spec, options);
  narrow.open();
  narrow.client_sends(up);
  CHECK(narrow.broker_gets().empty());
  CHECK(narrow.events.refusals.size() == 1);
}

TEST_CASE("what the rule says of refusals counts: disconnect, and report") {
  const std::string bad = wire::publish({.level = v5, .topic = "up/a", .payload = "bad"});
  Conversation strict(Inspected(Action::disconnect).spec);
  strict.open({.level = v5});
  strict.client_sends(bad);
  CHECK(strict.closed());
  CHECK(strict.client_gets() == wire::disconnect(0x99));

  const Inspected lax(Action::report);
  Conversation talk(lax.spec);
  talk.open({.level = v5});
  const std::string large =
      wire::publish({.level = v5, .topic = "up/a", .payload = std::string(5000, 'g')});
  talk.client_sends(bad + large);
  CHECK(talk.broker_gets() == bad + large);
  REQUIRE(talk.events.refusals.size() == 2);
  CHECK(talk.events.refusals[0].action == Action::report);
  CHECK(talk.events.refusals[0].reason == ReasonCode::payload_format_invalid);
}

TEST_CASE("an alias of a held PUBLISH is put back, and one of a refused PUBLISH is remembered") {
  const Inspected policy;
  Conversation talk(policy.spec);
  talk.open({.level = v5}, wire::topic_alias_maximum(5));
  talk.client_sends(with_alias("up/a", 1, "bad"));  // the broker never learns it
  CHECK(talk.broker_gets().empty());
  talk.client_sends_bytewise(with_alias("", 1, "good"));
  CHECK(talk.broker_gets() == with_alias("up/a", 1, "good"));
  CHECK(policy.inspector->last_topic == "up/a");
  talk.client_sends_bytewise(with_alias("", 1, "good"));
  CHECK(talk.broker_gets() == with_alias("", 1, "good"));
  CHECK(talk.events.rewrites == std::vector{Rewrite::topic_alias});
}

TEST_CASE("a Will is inspected as the publish that it will be") {
  const Inspected policy;
  const auto connect = [&policy](std::string id, std::string payload) {
    auto talk = std::make_unique<Conversation>(policy.spec);
    talk->client_sends(wire::connect({.level = v5,
                                      .client_id = std::move(id),
                                      .will_topic = "up/gone",
                                      .will_payload = std::move(payload)}));
    return talk;
  };
  CHECK(connect("c", "good")->dialled());
  CHECK(connect("c", "bad")->client_gets() == wire::connack(v5, 0x99));
  CHECK(connect("c", std::string(kMost + 1, 'g'))->client_gets() == wire::connack(v5, 0x83));

  // Judged again, for the broker has said who the client is.
  const auto talk = connect("", "good");
  const int before = policy.inspector->seen;
  talk->broker_accepts();
  talk->broker_sends(wire::connack(v5, 0, wire::assigned_client_id("auto-1")));
  CHECK(talk->events.begun == 1);
  CHECK(policy.inspector->seen == before + 1);
}

TEST_CASE("a rate limit is asked once the payload is there, and a throttled one is not lost") {
  Inspected policy;
  policy.spec.roles[0].limits.emplace();
  policy.spec.roles[0].limits->messages = Rate{1, std::chrono::seconds(1)};
  Conversation talk(policy.spec);
  talk.open();
  const std::string good = wire::publish({.topic = "up/a", .payload = std::string(100, 'g')});
  talk.client_sends(good);
  CHECK(talk.broker_gets() == good);
  talk.client_sends_bytewise(good + wire::pingreq());
  CHECK(talk.paused(Side::client) == Session::kThrottled);
  CHECK(talk.broker_gets().empty());
  talk.pass(std::chrono::seconds(1));
  CHECK(talk.broker_gets() == good);
  talk.pass(std::chrono::seconds(1));
  CHECK(talk.broker_gets() == wire::pingreq());
  CHECK(talk.events.refusals.empty());
}

TEST_CASE("a policy that changes while a payload is held decides on all of it") {
  const std::string packet = wire::publish({.topic = "up/a", .payload = std::string(100, 'b')});
  for (const bool allowed : {true, false}) {
    const Inspected policy;
    Conversation talk(policy.spec);
    talk.open();
    talk.client_sends(std::string_view(packet).substr(0, 60));
    talk.set_policy(everybody({allow("now", {allowed ? "up/#" : "else"})}));
    talk.client_sends(packet.substr(60) + wire::pingreq());
    CHECK(talk.broker_gets() == (allowed ? packet : "") + wire::pingreq());
    CHECK(policy.inspector->seen == 0);
  }
}

TEST_CASE("cut anywhere, in both directions, the result is the same") {
  for (const wire::Level level : {v3_1_1, v5}) {
    for (const Side side : {Side::client, Side::broker}) {
      const std::string topic = side == Side::client ? "up/a" : "down/a";
      std::string script;
      for (const char* payload : {"good", "bad", ""}) {
        for (unsigned qos = 0; qos < 2; ++qos) {
          script += wire::publish({.level = level,
                                   .topic = topic,
                                   .payload = payload + std::string(30, 'x'),
                                   .qos = qos,
                                   .packet_id = 1 + static_cast<unsigned>(script.size())});
        }
        script += wire::publish({.level = level, .topic = "free/a", .payload = "bad"});
        script += wire::publish({.level = level, .topic = topic, .payload = ""});
      }
      script += wire::publish({.level = level, .topic = topic, .payload = std::string(900, 'y')});
      if (level == v5) {
        script += with_alias(topic, 1, "bad") + with_alias("", 1, "good") + with_alias("", 1, "ok");
      }
      script += side == Side::client ? wire::pingreq() : wire::pingresp();

      const auto play = [&](auto&& send) {
        const Inspected policy;
        Conversation talk(policy.spec);
        const std::string aliases = level == v5 ? wire::topic_alias_maximum(5) : "";
        talk.open({.level = level, .properties = aliases}, aliases);
        send([&](std::string_view bytes) {
          side == Side::client ? talk.client_sends(bytes) : talk.broker_sends(bytes);
        });
        CHECK(talk.memory() < 4096);
        return std::tuple(talk.client_gets(), talk.broker_gets(), talk.events.refusals.size(),
                          policy.inspector->seen, talk.session().tally().bytes[side]);
      };
      const auto whole = play([&](auto&& send) { send(script); });
      CHECK(std::get<2>(whole) >= 3);
      for (std::size_t cut = 1; cut < script.size(); ++cut) {
        CHECK(whole == play([&](auto&& send) {
                send(std::string_view(script).substr(0, cut));
                send(std::string_view(script).substr(cut));
              }));
      }
      CHECK(whole == play([&](auto&& send) {
              for (const char byte : script) send({&byte, 1});
            }));
      std::mt19937 random(5);
      for (int round = 0; round < 100; ++round) {
        CHECK(whole == play([&](auto&& send) {
                for (std::string_view rest = script; !rest.empty();) {
                  const std::size_t n = std::min<std::size_t>(rest.size(), random() % 60 + 1);
                  send(rest.substr(0, n));
                  rest.remove_prefix(n);
                }
              }));
      }
    }
  }
}
