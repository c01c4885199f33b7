// In steady state a packet that passes allocates nothing on its way from socket to socket, TLS
// included; what BoringSSL takes for a record is its own and does not go through operator new. A
// program of its own, because it replaces operator new.

#include <doctest/doctest.h>

#include "site.h"
#include "support/allocations.h"

using namespace sallyport;
using namespace sallyport::proxy;
using namespace sallyport::proxy::test;
using tls::test::load;
using tls::test::pki;

namespace {

constexpr std::uint64_t kRounds = 500;

/// Exchanges and deliveries, one after the other; how often the gateway allocated meanwhile.
std::uint64_t allocations_of(Site& site) {
  auto [client, broker] = site.session();
  const std::string up = wire::publish({.topic = "t/up", .qos = 1});
  const std::string down = wire::publish({.topic = "t/down", .payload = std::string(3000, 'd')});
  const auto round = [&client = client, &broker = broker, &up, &down] {
    client.send(up);
    REQUIRE(broker.receive(up.size()) == up);
    broker.send(wire::puback(1));
    REQUIRE(client.receive(4) == wire::puback(1));
    broker.send(down);
    REQUIRE(client.receive(down.size()) == down);
  };
  for (int i = 0; i < 20; ++i) round();
  const std::uint64_t before = allocations::count();
  for (std::uint64_t i = 0; i < kRounds; ++i) round();
  return allocations::count() - before;
}

}  // namespace

TEST_CASE("a packet that passes allocates nothing on its way") {
  allocations::leave_this_thread_out();
  SUBCASE("plain") {
    Site site;
    // The heartbeat, once a second, writes a line into the test's log.
    CHECK(allocations_of(site) < kRounds / 10);
  }
  SUBCASE("TLS") {
    Site site({.listener_tls = load(pki().server(tls::ClientCertificate::none))});
    CHECK(allocations_of(site) < kRounds / 10);
  }
  CHECK(allocations::count() > 0);  // it is counted at all
}
