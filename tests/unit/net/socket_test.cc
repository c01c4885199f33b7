#include "net/socket.h"

#include <doctest/doctest.h>

#include "loopback.h"

using namespace sallyport::net;

TEST_CASE("address: numeric forms") {
  CHECK(Address::parse("127.0.0.1", 80)->host() == "127.0.0.1");
  CHECK(Address::parse("127.0.0.1", 80)->port() == 80);
  CHECK(Address::parse("::1", 8883)->host() == "::1");
  CHECK(Address::parse("2001:DB8::0:1", 1)->host() == "2001:db8::1");
  CHECK_FALSE(Address::parse("localhost", 80).has_value());
  CHECK_FALSE(Address::parse("", 80).has_value());
  CHECK_FALSE(Address::parse("1.2.3", 80).has_value());
}

TEST_CASE("address: IPv4 by way of IPv6 is written as IPv4") {
  const auto mapped = Address::parse("::ffff:192.0.2.7", 1);
  CHECK(mapped->host() == "192.0.2.7");
  CHECK(mapped->ip() == Address::parse("192.0.2.7", 2)->ip());
}

TEST_CASE("address: loopback") {
  CHECK(Address::parse("127.9.9.9", 1)->is_loopback());
  CHECK(Address::parse("::1", 1)->is_loopback());
  CHECK(Address::parse("::ffff:127.0.0.1", 1)->is_loopback());
  CHECK_FALSE(Address::parse("0.0.0.0", 1)->is_loopback());
  CHECK_FALSE(Address::parse("::", 1)->is_loopback());
  CHECK_FALSE(Address::parse("128.0.0.1", 1)->is_loopback());
}

TEST_CASE("listening: an address that somebody else has is refused, shared or not") {
  const Port taken;
  CHECK(listen_on(taken.address, {}).error() == UV_EADDRINUSE);
  CHECK(probe_address(taken.address, {}) == UV_EADDRINUSE);
}

TEST_CASE("listening: shared sockets get along, and the probe sees them") {
  const auto first = listen_on(loopback(), {.shared = true});
  REQUIRE(first);
  const Address address = *local_address(*first);
  CHECK(listen_on(address, {.shared = true}).has_value());
  // This is what stands between two gateways of one user that would share the port in silence.
  CHECK(probe_address(address, {.shared = true}) == UV_EADDRINUSE);
}

TEST_CASE("listening: a probe leaves the address free") {
  Address address = loopback();
  {
    const Port port;
    address = port.address;
  }
  CHECK(probe_address(address, {}) == 0);
  CHECK(listen_on(address, {}).has_value());
}

TEST_CASE("listening: IPv6 leaves IPv4 to others where it is told to") {
  const auto v6 = listen_on(*Address::parse("::", 0), {.v6_only = true});
  if (!v6) return;  // a host without IPv6
  const std::uint16_t port = local_address(*v6)->port();
  CHECK(listen_on(*Address::parse("0.0.0.0", port), {}).has_value());
  const auto both = listen_on(*Address::parse("::", 0), {});
  REQUIRE(both);
  CHECK_FALSE(listen_on(*Address::parse("0.0.0.0", local_address(*both)->port()), {}).has_value());
}

TEST_CASE("listening: not an address of this host") {
  CHECK(listen_on(*Address::parse("192.0.2.1", 0), {}).error() == UV_EADDRNOTAVAIL);
}
