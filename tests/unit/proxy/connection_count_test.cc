#include "proxy/connection_count.h"

#include <optional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using sallyport::net::Address;
using sallyport::proxy::ConnectionCount;

namespace {
Address at(const std::string& host) { return *Address::parse(host, 1234); }
}  // namespace

TEST_CASE("admission: so many in total, and a place that is left is free") {
  ConnectionCount admission;
  auto first = admission.enter(at("192.0.2.1"), 2, 0);
  REQUIRE(first);
  {
    const auto second = admission.enter(at("192.0.2.2"), 2, 0);
    REQUIRE(second);
    CHECK(admission.enter(at("192.0.2.3"), 2, 0).error() == sallyport::Check::max_connections);
    CHECK(admission.open() == 2);
  }
  CHECK(admission.open() == 1);
  CHECK(admission.enter(at("192.0.2.3"), 2, 0).has_value());
  CHECK(admission.open() == 1);
}

TEST_CASE("admission: so many for one address, whatever its port and form") {
  ConnectionCount admission;
  const auto first = admission.enter(at("192.0.2.1"), 10, 1);
  REQUIRE(first);
  CHECK(admission.enter(at("192.0.2.1"), 10, 1).error() ==
        sallyport::Check::max_connections_per_address);
  CHECK(admission.enter(at("::ffff:192.0.2.1"), 10, 1).error() ==
        sallyport::Check::max_connections_per_address);
  CHECK(admission.enter(at("192.0.2.2"), 10, 1).has_value());
  CHECK(admission.open() == 1);
}

TEST_CASE("admission: an IPv6 customer has at least a /64, and is one") {
  ConnectionCount admission;
  const auto first = admission.enter(at("2001:db8:0:1::1"), 10, 1);
  REQUIRE(first);
  CHECK_FALSE(admission.enter(at("2001:db8:0:1:ffff::2"), 10, 1).has_value());
  CHECK(admission.enter(at("2001:db8:0:2::1"), 10, 1).has_value());
}

TEST_CASE("admission: a limit that comes later counts those who are there") {
  ConnectionCount admission;
  const auto first = admission.enter(at("192.0.2.1"), 10, 0);
  const auto second = admission.enter(at("192.0.2.1"), 10, 0);
  CHECK_FALSE(admission.enter(at("192.0.2.1"), 10, 2).has_value());
  CHECK(admission.enter(at("192.0.2.1"), 10, 3).has_value());
}

TEST_CASE("admission: many threads, and never one too many") {
  ConnectionCount admission;
  std::vector<std::thread> threads;
  std::atomic<int> most{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2'000; ++i) {
        const auto slot = admission.enter(at("192.0.2." + std::to_string((i + t) % 5)), 3, 2);
        if (slot && admission.open() > 7) ++most;  // 3 inside, and 4 that are being turned away
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(most == 0);
  CHECK(admission.open() == 0);
  CHECK(admission.enter(at("192.0.2.1"), 1, 1).has_value());
}
