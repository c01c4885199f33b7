#include "session/subscription_set.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>

#include <doctest/doctest.h>

namespace sallyport {
namespace {

using mqtt::PacketType;

constexpr HashKey kKey = {1, 2};

void suback(SubscriptionSet& set, std::uint16_t id, std::vector<std::uint8_t> codes) {
  set.answered(PacketType::suback, id, codes);
}
void unsuback(SubscriptionSet& set, std::uint16_t id, std::vector<std::uint8_t> codes = {}) {
  set.answered(PacketType::unsuback, id, codes);
}

TEST_CASE("SipHash-2-4: the vectors of its authors") {
  constexpr HashKey kPublished = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::string text;
  CHECK(siphash(kPublished, text) == 0x726fdb47dd0e0e31);
  for (char c = 0; c < 15; ++c) text += c;
  CHECK(siphash(kPublished, text) == 0xa129ca6149be45e5);
  CHECK(siphash(kPublished, text.substr(0, 8)) == 0x93f5f5799a932462);
  CHECK(siphash({}, text) != siphash(kPublished, text));
}

TEST_CASE("filters are counted once, and up to the maximum") {
  SubscriptionSet set(kKey);
  set.set_maximum(2);
  CHECK(set.has_room(2));
  CHECK_FALSE(set.has_room(3));
  CHECK(set.subscribe(1, 0, "a"));
  CHECK(set.subscribe(1, 1, "b"));
  CHECK(set.subscribe(2, 0, "a"));
  CHECK_FALSE(set.subscribe(2, 1, "c"));
  CHECK(set.size() == 2);
  suback(set, 1, {0, 1});
  CHECK(set.size() == 2);
  // Higher or lower from now on: what is held stays held.
  set.set_maximum(1);
  CHECK(set.subscribe(3, 0, "b"));
  CHECK_FALSE(set.subscribe(3, 1, "c"));
  set.set_maximum(3);
  CHECK(set.subscribe(3, 1, "c"));
}

TEST_CASE("what the broker refuses does not count") {
  SubscriptionSet set(kKey);
  set.set_maximum(2);
  CHECK(set.subscribe(1, 0, "a"));
  CHECK(set.subscribe(1, 1, "b"));
  suback(set, 1, {0x80, 2});
  CHECK(set.size() == 1);
  CHECK(set.subscribe(2, 0, "c"));
  suback(set, 7, {0x80});  // to something else
  unsuback(set, 2, {0});
  CHECK(set.size() == 2);
  suback(set, 2, {0x97});
  CHECK(set.size() == 1);
  // A repeated answer frees nothing more.
  suback(set, 2, {0x97});
  CHECK(set.size() == 1);
}

TEST_CASE("UNSUBSCRIBE frees a place once the broker has said so") {
  SubscriptionSet set(kKey);
  set.set_maximum(1);
  CHECK(set.subscribe(1, 0, "a"));
  suback(set, 1, {0});
  set.unsubscribe(2, 0, "b");  // not held
  set.unsubscribe(2, 1, "a");
  CHECK_FALSE(set.subscribe(3, 0, "c"));
  unsuback(set, 2, {0x11, 0x87});  // the broker keeps it
  CHECK_FALSE(set.subscribe(3, 0, "c"));
  set.unsubscribe(4, 0, "a");
  unsuback(set, 4);  // 3.x has no codes
  CHECK(set.size() == 0);
  CHECK(set.memory() == 0);
  CHECK(set.subscribe(5, 0, "c"));
}

TEST_CASE("a request overtakes the answer to another one for the same filter") {
  SubscriptionSet set(kKey);
  set.set_maximum(5);
  SUBCASE("asked twice, and refused once: it may have been granted once") {
    CHECK(set.subscribe(1, 0, "a"));
    CHECK(set.subscribe(2, 0, "a"));
    suback(set, 1, {0x80});
    suback(set, 2, {0});
    CHECK(set.size() == 1);
  }
  SUBCASE("given up, and asked for again") {
    CHECK(set.subscribe(1, 0, "a"));
    suback(set, 1, {0});
    set.unsubscribe(2, 0, "a");
    CHECK(set.subscribe(3, 0, "a"));
    unsuback(set, 2);
    suback(set, 3, {0});
    CHECK(set.size() == 1);
  }
  SUBCASE("asked for, and given up") {
    CHECK(set.subscribe(1, 0, "a"));
    set.unsubscribe(2, 0, "a");
    suback(set, 1, {0});
    CHECK(set.size() == 1);
    unsuback(set, 2);
    CHECK(set.size() == 0);
  }
  SUBCASE("3.x: one identifier for two requests, whose answers nobody can tell apart") {
    CHECK(set.subscribe(1, 0, "a"));
    set.begin(PacketType::subscribe, 1);
    CHECK(set.subscribe(1, 0, "b"));
    set.begin(PacketType::unsubscribe, 1);
    suback(set, 1, {0x80});
    suback(set, 1, {0x80});
    CHECK(set.size() == 1);
  }
}

/// The broker and the set, side by side: whatever the order of answers, the set never counts less
/// than the broker holds, and with every answer given it counts what the broker holds.
TEST_CASE("random conversations") {
  std::mt19937 random(7);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (int round = 0; round < 2000; ++round) {
    SubscriptionSet set(kKey);
    set.set_maximum(4);
    std::set<std::string> broker;
    struct Request {
      bool leaves;
      std::uint16_t id;
      std::vector<std::string> filters;
    };
    std::vector<Request> waiting;
    std::uint16_t id = 0;
    bool overlapped = false;
    for (int step = 0; step < 40; ++step) {
      if (below(2) == 0 || waiting.empty()) {
        Request request{below(3) == 0, ++id, {}};
        set.begin(request.leaves ? PacketType::unsubscribe : PacketType::subscribe, id);
        for (unsigned i = 0; i < 1 + below(3); ++i) {
          const std::string filter(1, static_cast<char>('a' + below(8)));
          for (const Request& other : waiting) {
            overlapped |= std::ranges::find(other.filters, filter) != other.filters.end();
          }
          overlapped |= std::ranges::find(request.filters, filter) != request.filters.end();
          const auto index = static_cast<std::uint32_t>(request.filters.size());
          if (request.leaves) {
            set.unsubscribe(id, index, filter);
          } else if (!set.subscribe(id, index, filter)) {
            continue;
          }
          request.filters.push_back(filter);
        }
        waiting.push_back(std::move(request));
      } else {
        // Brokers answer in order.
        const Request request = waiting.front();
        waiting.erase(waiting.begin());
        std::vector<std::uint8_t> codes;
        for (const std::string& filter : request.filters) {
          const bool no = below(4) == 0;
          codes.push_back(no ? 0x87 : 0);
          if (no) continue;
          if (request.leaves) {
            broker.erase(filter);
          } else {
            broker.insert(filter);
          }
        }
        set.answered(request.leaves ? PacketType::unsuback : PacketType::suback, request.id, codes);
      }
      REQUIRE(broker.size() <= set.size());
      REQUIRE(set.size() <= 4);
      if (waiting.empty() && !overlapped) REQUIRE(broker.size() == set.size());
    }
  }
}

TEST_CASE("what it keeps depends on the maximum, not on the filters") {
  SubscriptionSet set(kKey);
  set.set_maximum(1000);
  for (std::uint16_t i = 0; i < 5000; ++i) {
    (void)set.subscribe(i, 0, std::string(1000, 'x') + std::to_string(i));
  }
  CHECK(set.size() == 1000);
  CHECK(set.memory() <= 2 * 1000 * (8 + 16));
  for (std::uint16_t i = 0; i < 1000; ++i) suback(set, i, {0x80});
  CHECK(set.size() == 0);
  CHECK(set.memory() == 0);
}

}  // namespace
}  // namespace sallyport
