#include "proxy/connection_count.h"

#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "net/socket.h"

using namespace sallyport;
using namespace sallyport::proxy;

namespace {

AddressPrefix prefix_of(const std::string& host) {
  return prefix_of(net::Address::parse(host, 1234)->ip(), {});
}

}  // namespace

TEST_CASE("connections: so many in total, and a place that is left is free") {
  TotalCount count;
  const auto first = count.enter(2);
  REQUIRE(first);
  {
    const auto second = count.enter(2);
    REQUIRE(second);
    CHECK_FALSE(count.enter(2).has_value());
    CHECK(count.open() == 2);
  }
  CHECK(count.open() == 1);
  CHECK(count.enter(2).has_value());
  CHECK(count.open() == 1);
}

TEST_CASE("connections: a bound that comes later counts those who are there") {
  TotalCount total;
  const auto a = total.enter(0);
  const auto b = total.enter(0);
  CHECK_FALSE(total.enter(2).has_value());
  CHECK(total.enter(3).has_value());
  AddressCount count;
  const auto first = count.enter(prefix_of("192.0.2.1"), 0);
  const auto second = count.enter(prefix_of("192.0.2.1"), 0);
  CHECK_FALSE(count.enter(prefix_of("192.0.2.1"), 2).has_value());
  CHECK(count.enter(prefix_of("192.0.2.1"), 3).has_value());
}

TEST_CASE("connections: so many for one address, whatever its form") {
  AddressCount count;
  {
    const auto first = count.enter(prefix_of("192.0.2.1"), 1);
    REQUIRE(first);
    CHECK_FALSE(count.enter(prefix_of("192.0.2.1"), 1).has_value());
    CHECK_FALSE(count.enter(prefix_of("::ffff:192.0.2.1"), 1).has_value());
    CHECK(count.enter(prefix_of("192.0.2.2"), 1).has_value());
    CHECK(count.prefixes() == 1);
  }
  CHECK(count.prefixes() == 0);  // nothing is kept of those who have gone
}

TEST_CASE("connections: an IPv6 customer has at least a /64, and is one") {
  AddressCount count;
  const auto first = count.enter(prefix_of("2001:db8:0:1::1"), 1);
  REQUIRE(first);
  CHECK_FALSE(count.enter(prefix_of("2001:db8:0:1:ffff::2"), 1).has_value());
  CHECK(count.enter(prefix_of("2001:db8:0:2::1"), 1).has_value());
}

TEST_CASE("connections: other prefix lengths after a reload leave no count behind") {
  AddressCount count;
  const IpAddress address = net::Address::parse("2001:db8::1", 1)->ip();
  {
    const auto before = count.enter(prefix_of(address, {.v4 = 32, .v6 = 64}), 1);
    const auto after = count.enter(prefix_of(address, {.v4 = 32, .v6 = 48}), 1);
    CHECK(before.has_value());
    CHECK(after.has_value());
  }
  CHECK(count.prefixes() == 0);
}

TEST_CASE("connections: many threads, and never one too many") {
  TotalCount total;
  AddressCount count;
  std::vector<std::thread> threads;
  std::atomic<int> most{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2'000; ++i) {
        const auto place = total.enter(3);
        if (!place) continue;
        const auto of_address = count.enter(prefix_of("192.0.2." + std::to_string((i + t) % 5)), 2);
        if (total.open() > 7) ++most;  // 3 inside, and 4 that are being turned away
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(most == 0);
  CHECK(total.open() == 0);
  CHECK(count.prefixes() == 0);
}
