// The same bytes, cut anywhere or sent all at once, give the same result.

#include <random>

#include <doctest/doctest.h>

#include "conversation.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1_1;
using wire::v5;

namespace {

std::string client_script(wire::Level level) {
  const std::string alias = level == v5 ? wire::topic_alias(1) : "";
  std::string out;
  out += wire::publish({.level = level, .topic = "up/a", .qos = 1, .properties = alias});
  out += wire::publish({.level = level, .topic = "no", .payload = std::string(200, 'n'), .qos = 1});
  out += wire::publish({.level = level, .topic = "no", .qos = 2, .packet_id = 9});
  if (level == v5) out += wire::publish({.level = v5, .topic = "", .properties = alias});
  if (level != v5) out += wire::pubrel(9);
  out += wire::subscribe(level, 5, {{"no", 0}, {"down/a", 1}});
  out += wire::subscribe(level, 6, {{"no", 0}});
  out += wire::unsubscribe(level, 7, {"down/a"});
  out += wire::publish({.level = level, .topic = "up/b", .payload = ""});
  out += wire::pingreq();
  out += wire::publish({.level = level,
                        .topic = "up/b",
                        .payload = std::string(400, 'y'),
                        .qos = 2,
                        .packet_id = 10});
  out += wire::disconnect();
  return out;
}

std::string broker_script(wire::Level level) {
  return wire::puback(1) + wire::suback(level, 6, {1}) +
         wire::publish({.level = level, .topic = "down/a", .payload = std::string(300, 'd')}) +
         wire::publish({.level = level, .topic = "down/secret/x", .qos = 1, .packet_id = 3}) +
         wire::publish({.level = level, .topic = "down/b", .qos = 2, .packet_id = 4}) +
         wire::pubrel(4) + wire::pingresp();
}

struct Result {
  std::string to_client;
  std::string to_broker;
  std::size_t refusals;
  bool operator==(const Result&) const = default;
};

template <typename Send>
Result play(wire::Level level, Side side, Send send) {
  Conversation talk(up_and_down());
  talk.open({.level = level}, level == v5 ? wire::topic_alias_maximum(5) : "");
  send(talk, side == Side::client ? client_script(level) : broker_script(level));
  return {talk.client_gets(), talk.broker_gets(), talk.events.refusals.size()};
}

void send_to(Conversation& talk, Side side, std::string_view bytes) {
  side == Side::client ? talk.client_sends(bytes) : talk.broker_sends(bytes);
}

}  // namespace

TEST_CASE("all coalesced, split at every position, byte by byte, cut at random") {
  for (const wire::Level level : {v3_1_1, v5}) {
    for (const Side side : {Side::client, Side::broker}) {
      const Result whole = play(level, side, [side](Conversation& talk, const std::string& bytes) {
        send_to(talk, side, bytes);
      });
      CHECK(whole.refusals != 0);
      const std::size_t size =
          (side == Side::client ? client_script(level) : broker_script(level)).size();
      for (std::size_t cut = 1; cut < size; ++cut) {
        CHECK(whole == play(level, side, [&](Conversation& talk, const std::string& bytes) {
                send_to(talk, side, std::string_view(bytes).substr(0, cut));
                send_to(talk, side, std::string_view(bytes).substr(cut));
              }));
      }
      CHECK(whole == play(level, side, [side](Conversation& talk, const std::string& bytes) {
              for (const char byte : bytes) send_to(talk, side, {&byte, 1});
            }));
      std::mt19937 random(7);
      for (int round = 0; round < 200; ++round) {
        CHECK(whole == play(level, side, [&](Conversation& talk, const std::string& bytes) {
                for (std::string_view rest = bytes; !rest.empty();) {
                  const std::size_t n = std::min<std::size_t>(rest.size(), random() % 40 + 1);
                  send_to(talk, side, rest.substr(0, n));
                  rest.remove_prefix(n);
                }
              }));
      }
    }
  }
}

TEST_CASE(
    "a turn with little work stops between packets, and the rest of the turns does the rest") {
  for (const wire::Level level : {v3_1_1, v5}) {
    for (const Side side : {Side::client, Side::broker}) {
      const auto whole = play(level, side, [side](Conversation& talk, const std::string& bytes) {
        send_to(talk, side, bytes);
      });
      for (std::uint32_t work = 1; work < 20; ++work) {
        CHECK(whole == play(level, side, [&](Conversation& talk, const std::string& bytes) {
                talk.allow_work(work);
                send_to(talk, side, bytes);
              }));
      }
    }
  }
}

TEST_CASE("work is what packets cost") {
  Conversation talk(up_and_down());
  talk.open();
  Turn turn;
  const Instant now{std::chrono::seconds(1001)};
  const auto cost = [&](std::string_view bytes) {
    turn.work = 1000;
    REQUIRE(talk.session().feed(Side::client, as_bytes(bytes), now, turn) == bytes.size());
    return 1000 - turn.work;
  };
  const std::string up = wire::publish({.topic = "up/a", .payload = std::string(50, 'x')});
  CHECK(cost(up) == 1);       // decided
  CHECK(cost(up + up) == 2);  // known
  CHECK(cost(wire::pingreq()) == 1);
  CHECK(cost(wire::publish({.topic = "no"})) == 1 + Turn::kWorkOfRefusal);
  CHECK(cost(wire::subscribe(v3_1_1, 1, {{"down/a", 0}, {"down/b", 0}, {"no", 0}})) ==
        4 + Turn::kWorkOfRefusal);
  CHECK(cost(wire::unsubscribe(v3_1_1, 2, {"down/a", "down/b"})) == 3);

  // The payload of what was decided is taken without work; the next packet is not.
  turn.work = 1;
  const std::string two = up + up;
  const std::size_t head = up.size() - 20;
  CHECK(talk.session().feed(Side::client, as_bytes(two).first(head), now, turn) == head);
  CHECK(turn.work == 0);
  CHECK(talk.session().feed(Side::client, as_bytes(two).subspan(head), now, turn) == 20);
  CHECK(talk.paused(Side::client) == 0);
  // A packet that costs more than is left is decided whole.
  turn.work = 1;
  const std::string request = wire::subscribe(v3_1_1, 3, {{"down/a", 0}, {"down/b", 0}});
  CHECK(talk.session().feed(Side::client, as_bytes(request + up), now, turn) == request.size());
  CHECK(turn.work == 0);
  turn.clear();
  CHECK(turn.work == UINT32_MAX);
}

TEST_CASE("CONNECT too may come in any cut, together with what follows") {
  const std::string bytes = wire::connect({.level = v5, .username = "u", .password = "p"}) +
                            wire::publish({.level = v5, .topic = "up/a"});
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Conversation talk(up_and_down());
    talk.client_sends(std::string_view(bytes).substr(0, cut));
    talk.client_sends(std::string_view(bytes).substr(cut));
    talk.broker_accepts();
    talk.broker_sends(wire::connack(v5));
    CHECK(talk.broker_gets() == bytes);
  }
}

TEST_CASE("random bytes never do harm, and an idle session owns nothing") {
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    Conversation talk(up_and_down());
    if (round % 3 != 0) talk.open({.level = round % 2 != 0 ? v5 : v3_1_1});
    for (int i = 0; i < 20 && !talk.closed(); ++i) {
      std::string bytes;
      if (random() % 2 != 0) {
        bytes = client_script(random() % 2 != 0 ? v5 : v3_1_1).substr(random() % 500);
      }
      for (std::size_t n = random() % 30; n != 0; --n) bytes += wire::u8(random() % 256);
      if (!bytes.empty()) bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
      const bool broker = random() % 4 == 0 && talk.events.begun != 0;
      broker ? talk.broker_sends(bytes) : talk.client_sends(bytes);
      CHECK(talk.memory() < 300 * 1024);
    }
  }
  Conversation idle(up_and_down());
  idle.open({.level = v5});
  CHECK(idle.memory() == 0);
}
