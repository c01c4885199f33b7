// What a session remembers of earlier packets spares it work and changes nothing.

#include <random>

#include <doctest/doctest.h>

#include "conversation.h"
#include "session/verdict_memo.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1_1;
using wire::v5;

namespace {

policy::RateSpec rate(std::uint64_t messages, Action on_exceed) {
  policy::RateSpec spec;
  spec.messages = Rate{messages, std::chrono::seconds(1)};
  spec.burst = 2 * messages;
  spec.bytes = Rate{60 * messages, std::chrono::seconds(1)};
  spec.on_exceed = on_exceed;
  return spec;
}

/// Rules whose conditions depend on everything that a PUBLISH without properties has.
policy::PolicySpec particular(Action on_exceed) {
  policy::PolicySpec spec = everybody({allow("small", {"up/a", "up/b"}, {"down/a", "down/b"}),
                                       allow("large", {"up/c", "up/a/#"}, {"down/c"}),
                                       deny("secret", {"up/a/x"}, {"down/x"})});
  auto& rules = spec.roles[0].rules;
  rules[0].max_payload = 20;
  rules[0].retain = false;
  rules[0].limit = rate(20, on_exceed);
  rules[1].max_qos = 1;
  rules[1].on_deny = policy::OnDeny{Action::report, Action::report};
  spec.roles[0].limits = rate(40, on_exceed);
  return spec;
}

constexpr std::string_view kUp[] = {"up/a", "up/b", "up/c", "up/a/x", "up/a/y", "no"};
constexpr std::string_view kDown[] = {"down/a", "down/b", "down/c", "down/x", "no"};

struct Line {
  Side from;
  std::string bytes;
  Duration pause;
};

std::vector<Line> script(std::mt19937& random, wire::Level level) {
  std::vector<Line> lines;
  unsigned id = 0;
  for (int i = 0; i < 60; ++i) {
    const bool up = random() % 3 != 0;
    const auto topic = up ? kUp[random() % 6] : kDown[random() % 5];
    const unsigned qos = random() % 4 == 0 ? 2 : random() % 2;
    lines.push_back({up ? Side::client : Side::broker,
                     wire::publish({.level = level,
                                    .topic = std::string(topic),
                                    .payload = std::string(random() % 40, 'p'),
                                    .qos = qos,
                                    .packet_id = qos != 0 ? ++id : 0,
                                    .retain = random() % 5 == 0}),
                     random() % 6 == 0 ? std::chrono::milliseconds(random() % 300) : Duration{}});
    if (up && qos == 1) lines.push_back({Side::broker, wire::puback(id), {}});
  }
  return lines;
}

std::string play(const std::vector<Line>& lines, wire::Level level, Action on_exceed,
                 bool in_pieces) {
  Conversation talk(particular(on_exceed));
  talk.open({.level = level});
  std::string all;
  const auto send = [&talk](Side from, std::string_view bytes) {
    from == Side::client ? talk.client_sends(bytes) : talk.broker_sends(bytes);
  };
  for (const Line& line : lines) {
    if (talk.closed()) break;
    if (in_pieces) {
      // A head that comes in pieces is gathered, framed and decoded.
      send(line.from, std::string_view(line.bytes).substr(0, 1));
      send(line.from, std::string_view(line.bytes).substr(1));
    } else {
      send(line.from, line.bytes);
    }
    talk.pass(line.pause);
    all += "to client: " + talk.client_gets() + "\nto broker: " + talk.broker_gets() + "\n";
  }
  for (const auto& refusal : talk.events.refusals) {
    all += refusal.name + " " + refusal.topic + " " + std::string(to_string(refusal.action)) + "\n";
  }
  for (const auto& name : talk.events.throttles) all += "throttled by " + name + "\n";
  for (const auto& packets : talk.events.packets) all += std::to_string(packets.size()) + " read\n";
  return all;
}

}  // namespace

TEST_CASE("what repeats goes the way of what is new") {
  std::mt19937 random(3);
  std::size_t refused = 0;
  for (int round = 0; round < 120; ++round) {
    for (const wire::Level level : {v3_1_1, v5}) {
      for (const Action on_exceed :
           {Action::throttle, Action::drop, Action::disconnect, Action::report}) {
        const auto lines = script(random, level);
        const std::string whole = play(lines, level, on_exceed, false);
        REQUIRE(whole == play(lines, level, on_exceed, true));
        if (whole.find("small") != std::string::npos) ++refused;
      }
    }
  }
  CHECK(refused > 300);
}

TEST_CASE("a remembered verdict does not outlive its policy") {
  Conversation talk(everybody({allow("up", {"up/#"}, {"down/#"})}));
  talk.open();
  const std::string up = wire::publish({.topic = "up/a"});
  const std::string down = wire::publish({.topic = "down/a"});
  for (int i = 0; i < 3; ++i) {
    talk.client_sends(up);
    talk.broker_sends(down);
    CHECK(talk.broker_gets() == up);
    CHECK(talk.client_gets() == down);
  }
  talk.set_policy(everybody({allow("else", {"else"}, {"else"})}));
  talk.client_sends(up);
  talk.broker_sends(down);
  CHECK(talk.broker_gets().empty());
  CHECK(talk.client_gets().empty());
  CHECK(talk.events.refusals.size() == 2);
}

TEST_CASE("a remembered verdict holds for its payload sizes, QoS and RETAIN only") {
  auto spec = everybody({allow("up", {"up"})});
  spec.roles[0].rules[0].max_payload = 10;
  spec.roles[0].rules[0].max_qos = 0;
  spec.roles[0].rules[0].retain = false;
  Conversation talk(spec);
  talk.open();
  const auto passes = [&talk](const wire::Publish& publish) {
    talk.client_sends(wire::publish(publish));
    return !talk.broker_gets().empty();
  };
  for (int i = 0; i < 3; ++i) {
    CHECK(passes({.topic = "up", .payload = std::string(10, 'x')}));
    CHECK_FALSE(passes({.topic = "up", .payload = std::string(11, 'x')}));
    CHECK_FALSE(passes({.topic = "up", .payload = "", .qos = 1}));
    CHECK_FALSE(passes({.topic = "up", .payload = "", .retain = true}));
    CHECK(passes({.topic = "up", .payload = ""}));
  }
}

TEST_CASE("what is remembered is bounded") {
  Conversation talk(everybody({allow("up", {"#"})}));
  talk.open();
  for (int i = 0; i < 1000; ++i) {
    talk.client_sends(
        wire::publish({.topic = std::string(static_cast<std::size_t>(i), 't') + "/x"}));
  }
  CHECK(talk.events.refusals.empty());
  CHECK(talk.memory() > 0);
  CHECK(talk.memory() < 3 * 1024);
}

TEST_CASE("with nothing remembered everything goes the same way") {
  std::mt19937 random(5);
  auto spec = particular(Action::drop);
  spec.roles[0].limits.reset();  // a policy that is set anew would give back what was used of them
  spec.roles[0].rules[0].limit.reset();
  std::size_t refused = 0;
  for (int round = 0; round < 120; ++round) {
    for (const wire::Level level : {v3_1_1, v5}) {
      Conversation remembers(spec);
      Conversation forgets(spec);
      remembers.open({.level = level});
      forgets.open({.level = level});
      for (const Line& line : script(random, level)) {
        for (Conversation* talk : {&remembers, &forgets}) {
          if (talk == &forgets) talk->set_policy(spec);
          line.from == Side::client ? talk->client_sends(line.bytes)
                                    : talk->broker_sends(line.bytes);
        }
        REQUIRE(remembers.client_gets() == forgets.client_gets());
        REQUIRE(remembers.broker_gets() == forgets.broker_gets());
        REQUIRE(remembers.closed() == forgets.closed());
      }
      REQUIRE(remembers.events.refusals.size() == forgets.events.refusals.size());
      refused += remembers.events.refusals.size();
    }
  }
  CHECK(refused > 300);
}

TEST_CASE("what an alias stands for is not remembered for who spells it out") {
  Conversation talk(up_and_down());
  talk.open({.level = v5}, wire::topic_alias_maximum(5));
  const std::string topic = "up/abcdefghijklmnopqrstuvwxyz";
  const std::string alias = wire::topic_alias(2);
  talk.client_sends(wire::publish({.level = v5, .topic = topic, .properties = alias}));
  policy::PolicySpec lower = up_and_down();
  lower.roles[0].bounds = unbounded();
  lower.roles[0].bounds->max_topic_length = 10;
  talk.set_policy(lower);
  talk.client_sends(wire::publish({.level = v5, .topic = "", .properties = alias}));
  (void)talk.broker_gets();
  REQUIRE_FALSE(talk.closed());
  talk.client_sends(wire::publish({.level = v5, .topic = topic}));
  CHECK(talk.broker_gets().empty());
  CHECK(talk.events.refusals.back().name == "mqtt.topic-too-long");
}

TEST_CASE("the memo answers only for the same message and a payload of the range") {
  VerdictMemo memo;
  policy::Verdict verdict;
  verdict.payload_least = 5;
  verdict.payload_most = 9;
  memo.put({{"topic", 1, false}, 7}, verdict);
  CHECK(memo.find({{"topic", 1, false}, 5}) != nullptr);
  CHECK(memo.find({{"topic", 1, false}, 4}) == nullptr);
  CHECK(memo.find({{"topic", 1, false}, 10}) == nullptr);
  CHECK(memo.find({{"topik", 1, false}, 7}) == nullptr);
  CHECK(memo.find({{"topic", 0, false}, 7}) == nullptr);
  CHECK(memo.find({{"topic", 1, true}, 7}) == nullptr);
}

TEST_CASE("the memo begins anew once it has forgotten") {
  VerdictMemo memo;
  policy::Verdict verdict;
  verdict.allowed = true;
  memo.put({"a", 0, false, 1}, verdict);
  memo.forget();
  CHECK(memo.memory() == 0);
  for (const char* topic : {"b", "c", "d", "e"}) memo.put({topic, 0, false, 1}, verdict);
  for (const char* topic : {"b", "c", "d", "e"}) CHECK(memo.find({topic, 0, false, 1}) != nullptr);
  memo.put({"f", 0, false, 1}, verdict);
  CHECK(memo.find({"b", 0, false, 1}) == nullptr);  // the oldest
  CHECK(memo.find({"c", 0, false, 1}) != nullptr);
}
