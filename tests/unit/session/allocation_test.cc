// In steady state no packet that passes allocates anything. A program of its own, because it
// replaces operator new.

#include <doctest/doctest.h>

#include "conversation.h"
#include "support/allocations.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1_1;
using wire::v5;

namespace {

struct Silent final : Events {
  void on_packet(Side, mqtt::PacketType, std::uint64_t) override { ++packets; }
  void on_refusal(const Who&, const Refusal&) override { ++refusals; }
  std::uint64_t packets = 0;
  std::uint64_t refusals = 0;
};

/// A session of which no more is looked at than how much goes out.
class Line {
 public:
  explicit Line(wire::Level level) {
    policy::PolicySpec spec = everybody({allow("up", {"up/#"}), allow("down", {}, {"down/#"})});
    spec.roles[0].limits.emplace();
    spec.roles[0].limits->messages = Rate{1'000'000'000, std::chrono::seconds(1)};
    spec.roles[0].rules[0].limit = spec.roles[0].limits;
    session_.emplace(options_, Identity{"devices", "127.0.0.1", {}, {}, {}}, compiled(spec), events,
                     1, now_);
    send(Side::client,
         wire::connect(
             {.level = level, .properties = level == v5 ? wire::topic_alias_maximum(5) : ""}));
    session_->broker_connected(now_, turn_);
    turn_.clear();
    send(Side::broker, wire::connack(level, 0, level == v5 ? wire::topic_alias_maximum(5) : ""));
  }

  void send(Side from, std::string_view bytes) {
    now_ += std::chrono::milliseconds(1);
    REQUIRE(session_->feed(from, as_bytes(bytes), now_, turn_) == bytes.size());
    sent += turn_.to_client.size() + turn_.to_broker.size();
    turn_.clear();
  }

  Silent events;
  std::uint64_t sent = 0;

 private:
  SessionOptions options_;
  Instant now_{std::chrono::seconds(1000)};
  Turn turn_;
  std::optional<Session> session_;
};

struct Packet {
  Side from;
  std::string bytes;
};

/// What one round of it allocates once it has gone on for a while.
std::uint64_t per_hundred_rounds(wire::Level level, const std::vector<Packet>& round) {
  Line line(level);
  const auto play = [&] {
    for (const Packet& packet : round) line.send(packet.from, packet.bytes);
  };
  for (int i = 0; i < 20; ++i) play();
  const auto packets = line.events.packets;
  const auto sent = line.sent;
  const auto before = allocations::count();
  for (int i = 0; i < 100; ++i) play();
  const auto after = allocations::count();
  CHECK(line.events.packets > packets);
  CHECK(line.sent > sent);
  return after - before;
}

}  // namespace

TEST_CASE("the counter counts") {
  const auto before = allocations::count();
  delete new std::string(100, 'x');
  CHECK(allocations::count() == before + 2);
}

TEST_CASE("no packet that passes allocates") {
  for (const wire::Level level : {v3_1_1, v5}) {
    CAPTURE(static_cast<int>(level));
    std::vector<Packet> many;
    for (int i = 0; i < 40; ++i) {
      many.push_back(
          {Side::client,
           wire::publish({.level = level,
                          .topic = "up/" + std::string(static_cast<std::size_t>(i % 7) * 9, 't') +
                                   std::to_string(i)})});
    }
    CHECK(per_hundred_rounds(level, many) == 0);

    const auto up = [level](unsigned qos) {
      return Packet{
          Side::client,
          wire::publish(
              {.level = level, .topic = "up/a", .qos = qos, .packet_id = qos != 0 ? 7U : 0U})};
    };
    const auto down = [level](unsigned qos) {
      return Packet{
          Side::broker,
          wire::publish(
              {.level = level, .topic = "down/a", .qos = qos, .packet_id = qos != 0 ? 9U : 0U})};
    };
    CHECK(per_hundred_rounds(level, {up(0), down(0)}) == 0);
    CHECK(per_hundred_rounds(level, {up(1), {Side::broker, wire::puback(7)}}) == 0);
    CHECK(per_hundred_rounds(level, {up(2),
                                     {Side::broker, wire::pubrec(7)},
                                     {Side::client, wire::pubrel(7)},
                                     {Side::broker, wire::pubcomp(7)}}) == 0);
    CHECK(per_hundred_rounds(level, {down(1), {Side::client, wire::puback(9)}}) == 0);
    CHECK(per_hundred_rounds(level, {down(2),
                                     {Side::client, wire::pubrec(9)},
                                     {Side::broker, wire::pubrel(9)},
                                     {Side::client, wire::pubcomp(9)}}) == 0);
    CHECK(per_hundred_rounds(
              level, {{Side::client, wire::pingreq()}, {Side::broker, wire::pingresp()}}) == 0);
  }
}

TEST_CASE("nor does one with properties or a topic alias") {
  const std::string alias = wire::topic_alias(2);
  CHECK(per_hundred_rounds(
            v5,
            {{Side::client, wire::publish({.level = v5, .topic = "up/a", .properties = alias})},
             {Side::client, wire::publish({.level = v5, .topic = "", .properties = alias})},
             {Side::broker, wire::publish({.level = v5, .topic = "down/a", .properties = alias})},
             {Side::broker, wire::publish({.level = v5, .topic = "", .properties = alias})}}) == 0);
}

TEST_CASE("nor does a payload that streams past") {
  const std::string large = wire::publish({.topic = "up/a", .payload = std::string(100'000, 'x')});
  std::vector<Packet> pieces;
  for (std::size_t at = 0; at < large.size(); at += 10'000) {
    pieces.push_back({Side::client, large.substr(at, 10'000)});
  }
  CHECK(per_hundred_rounds(v3_1_1, pieces) == 0);
}
