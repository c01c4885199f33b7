#include "proxy/connect_limiter.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace sallyport::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr HashKey kKey = {3, 4};
constexpr Instant kBegin{seconds(1000)};

TEST_CASE("a burst at once, then as often as the rate says") {
  ConnectLimiter limiter({Rate{1, seconds(1)}, 5}, kKey);
  Instant now = kBegin;
  for (int i = 0; i < 5; ++i) CHECK(limiter.admit("dev-1", now));
  CHECK_FALSE(limiter.admit("dev-1", now));
  // What is refused costs nothing.
  for (int i = 0; i < 100; ++i) CHECK_FALSE(limiter.admit("dev-1", now + milliseconds(999)));
  CHECK(limiter.admit("dev-1", now + seconds(1)));
  CHECK_FALSE(limiter.admit("dev-1", now + seconds(1)));
  CHECK(limiter.admit("dev-1", now + seconds(2)));
  // After a rest all of the burst is there, and no more.
  now += seconds(1000);
  for (int i = 0; i < 5; ++i) CHECK(limiter.admit("dev-1", now));
  CHECK_FALSE(limiter.admit("dev-1", now));
}

TEST_CASE("every client has a budget of its own") {
  ConnectLimiter limiter({Rate{1, seconds(60)}, 1}, kKey);
  CHECK(limiter.admit("a", kBegin));
  CHECK(limiter.admit("b", kBegin));
  CHECK(limiter.admit(std::string_view("a\0", 2), kBegin));
  CHECK(limiter.admit("", kBegin));
  CHECK_FALSE(limiter.admit("a", kBegin));
  CHECK_FALSE(limiter.admit("b", kBegin + seconds(59)));
  CHECK(limiter.admit("b", kBegin + seconds(60)));
}

TEST_CASE("fast and slow rates") {
  ConnectLimiter fast({Rate{1'000'000'000, seconds(1)}, 1}, kKey);
  CHECK(fast.admit("a", kBegin));
  CHECK_FALSE(fast.admit("a", kBegin));
  CHECK(fast.admit("a", kBegin + Duration(1)));
  ConnectLimiter thirds({Rate{3, seconds(1)}, 1}, kKey);  // never more than the rate
  CHECK(thirds.admit("a", kBegin));
  CHECK_FALSE(thirds.admit("a", kBegin + Duration(333'333'333)));
  CHECK(thirds.admit("a", kBegin + Duration(333'333'334)));
  ConnectLimiter slow({Rate{1, std::chrono::hours(1)}, kMostConnects}, kKey);
  for (std::uint32_t i = 0; i < kMostConnects; ++i) REQUIRE(slow.admit("a", kBegin));
  CHECK_FALSE(slow.admit("a", kBegin));
}

TEST_CASE("a flood of names takes no more memory, and forgets those that have rested longest") {
  ConnectLimiter limiter({Rate{1, std::chrono::hours(1)}, 2}, kKey);
  const std::size_t memory = limiter.memory();
  CHECK(memory < 1024 * 1024);
  Instant now = kBegin;
  for (int i = 0; i < 300'000; ++i) {
    now += Duration(1);
    CHECK(limiter.admit("flood-" + std::to_string(i), now));
  }
  CHECK(limiter.memory() == memory);
  // The latest are remembered: each has one left.
  int refused = 0;
  for (int i = 299'900; i < 300'000; ++i) {
    const std::string name = "flood-" + std::to_string(i);
    CHECK(limiter.admit(name, now));
    refused += !limiter.admit(name, now);
  }
  CHECK(refused == 100);
}

TEST_CASE("all workers together admit no more than one would") {
  ConnectLimiter limiter({Rate{1, std::chrono::hours(1)}, 500}, kKey);
  std::atomic<int> admitted = 0;
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&] {
      for (int i = 0; i < 400; ++i) admitted += limiter.admit("dev-1", kBegin);
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(admitted == 500);
}

}  // namespace
}  // namespace sallyport::proxy
