#include "proxy/door.h"

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "../tls/pair.h"
#include "net/socket.h"
#include "site.h"

using namespace sallyport;
using namespace sallyport::proxy;
using namespace sallyport::proxy::test;

namespace {

struct Given {
  explicit Given(std::size_t listeners = 1) {
    for (std::size_t i = 0; i != listeners; ++i) {
      auto settings = std::make_shared<ListenerSettings>();
      settings->name = "devices";
      settings->max_connections = 100;
      changed.push_back(settings);
      snapshot.listeners.push_back(settings);
    }
  }
  [[nodiscard]] ListenerSettings& listener(std::size_t i = 0) { return *changed[i]; }

  Snapshot snapshot;
  std::vector<std::shared_ptr<ListenerSettings>> changed;
};

std::string outcome(const std::expected<Door::Slot, Check>& result) {
  return result ? "in" : std::string(to_string(result.error()));
}

}  // namespace

TEST_CASE("address prefix: one customer, IPv4 and IPv6") {
  const PrefixLengths lengths{.v4 = 24, .v6 = 56};
  CHECK(prefix_of(at("192.0.2.7"), lengths) == prefix_of(at("192.0.2.200"), lengths));
  CHECK(prefix_of(at("192.0.2.7"), lengths) == prefix_of(at("::ffff:192.0.2.9"), lengths));
  CHECK(prefix_of(at("192.0.2.7"), lengths) != prefix_of(at("192.0.3.7"), lengths));
  CHECK(prefix_of(at("2001:db8:0:1::1"), lengths) == prefix_of(at("2001:db8:0:ff::1"), lengths));
  CHECK(prefix_of(at("2001:db8:0:1::1"), lengths) != prefix_of(at("2001:db8:0:100::1"), lengths));
  CHECK(prefix_of(at("192.0.2.7"), {}) != prefix_of(at("192.0.2.8"), {}));
  CHECK(prefix_of(at("192.0.2.7"), {.v4 = 0, .v6 = 0}) !=
        prefix_of(at("2001:db8::1"), {.v4 = 0, .v6 = 0}));
}

TEST_CASE("address prefix: contains its own family only") {
  const AddressPrefix v4 = AddressPrefix::of(at("10.0.0.0"), 8);
  CHECK(v4.contains(at("10.255.0.1")));
  CHECK_FALSE(v4.contains(at("11.0.0.1")));
  CHECK_FALSE(v4.contains(at("a00::1")));
  CHECK(AddressPrefix::of(at("::"), 0).contains(at("2001:db8::1")));
  CHECK_FALSE(AddressPrefix::of(at("::"), 0).contains(at("192.0.2.1")));
  CHECK(AddressPrefix::of(at("0.0.0.0"), 0).contains(at("192.0.2.1")));
  CHECK_FALSE(AddressPrefix::of(at("0.0.0.0"), 0).contains(at("2001:db8::1")));
  CHECK(AddressPrefix::of(at("2001:db8::1"), 128).contains(at("2001:db8::1")));
  CHECK_FALSE(AddressPrefix::of(at("2001:db8::1"), 200).contains(at("2001:db8::2")));
}

TEST_CASE("door: the checks before a byte is read, in their order") {
  Given given(2);
  given.snapshot.max_connections = 2;
  given.listener(0).max_connections = 1;
  given.listener(0).max_connections_per_address = 1;
  given.listener(1).max_connections_per_address = 1;
  Door door(2);
  const auto first = door.accepted(given.snapshot, 0, at("192.0.2.1"));
  REQUIRE(first);
  CHECK(outcome(door.accepted(given.snapshot, 0, at("192.0.2.1"))) == "connection.max");
  {
    const auto second = door.accepted(given.snapshot, 1, at("192.0.2.1"));  // another listener
    CHECK(outcome(second) == "in");
    CHECK(outcome(door.accepted(given.snapshot, 0, at("192.0.2.1"))) == "connection.max-gateway");
    given.snapshot.max_connections = 3;
    CHECK(outcome(door.accepted(given.snapshot, 1, at("192.0.2.1"))) ==
          "connection.max-per-address");
    given.listener(1).proxy_protocol = {AddressPrefix::of(at("10.0.0.0"), 8)};
    CHECK(outcome(door.accepted(given.snapshot, 1, at("192.0.2.1"))) ==
          "connection.proxy-untrusted");
  }
  // A refusal takes no place of any kind.
  CHECK(door.open() == 1);
}

TEST_CASE("door: how many connections the descriptors suffice for") {
  CHECK(connections_for(1024, 24, 96) == (1024 - 24 - 96) / 2);
  CHECK(connections_for(120, 30, 96) ==
        (120 - 30 - 30) / 2);  // a quarter is held back, and no more
  CHECK(connections_for(64, 30, 96) == 9);
  CHECK(connections_for(64, 30, 16) == 9);
  CHECK(connections_for(1024, 24, 16) == (1024 - 24 - 16) / 2);
  CHECK(connections_for(64, 48, 16) == 0);
  CHECK(connections_for(64, 64, 0) == 0);
  CHECK(connections_for(0, 10, 96) == 0);
  CHECK(connections_for(UINT64_MAX, 10, 96) == UINT32_MAX);
}

TEST_CASE("door: more connections than descriptors suffice for are refused by their own name") {
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  Given given;
  given.snapshot.files.held_back = 0;
  Door door(1);
  door.set_own_files(limit.rlim_cur - 4);  // as if so many were open: enough for two
  CHECK(door.most_by_files(0) == 2);
  auto first = door.accepted(given.snapshot, 0, at("192.0.2.1"));
  REQUIRE(first);
  {
    const auto second = door.accepted(given.snapshot, 0, at("192.0.2.2"));
    CHECK(outcome(second) == "in");
    CHECK(outcome(door.accepted(given.snapshot, 0, at("192.0.2.3"))) == "connection.no-files");
    given.snapshot.max_connections = 2;
    CHECK(outcome(door.accepted(given.snapshot, 0, at("192.0.2.3"))) == "connection.max-gateway");
  }
  given.snapshot.max_connections = 0;
  CHECK(outcome(door.accepted(given.snapshot, 0, at("192.0.2.3"))) == "in");
  CHECK(door.open() == 1);
}

TEST_CASE("door: behind a proxy the address of the header counts") {
  Given given;
  given.listener().max_connections_per_address = 1;
  given.listener().proxy_protocol = {AddressPrefix::of(at("10.0.0.0"), 8)};
  Door door(1);
  auto first = door.accepted(given.snapshot, 0, at("10.0.0.1"));
  auto second = door.accepted(given.snapshot, 0, at("10.0.0.1"));
  auto third = door.accepted(given.snapshot, 0, at("10.0.0.1"));
  REQUIRE((first && second && third));
  CHECK_FALSE(door.addressed(*first, given.listener(), at("192.0.2.1")).has_value());
  CHECK_FALSE(door.addressed(*second, given.listener(), at("192.0.2.2")).has_value());
  CHECK(door.addressed(*third, given.listener(), at("192.0.2.1")) ==
        Check::max_connections_per_address);
}

TEST_CASE("door: prefix lengths of the listener") {
  Given given;
  given.listener().max_connections_per_address = 1;
  given.listener().address_prefix = {.v4 = 24, .v6 = 48};
  Door door(1);
  const auto v4 = door.accepted(given.snapshot, 0, at("192.0.2.1"));
  const auto v6 = door.accepted(given.snapshot, 0, at("2001:db8:1::1"));
  CHECK(outcome(door.accepted(given.snapshot, 0, at("192.0.2.99"))) ==
        "connection.max-per-address");
  CHECK(outcome(door.accepted(given.snapshot, 0, at("2001:db8:1:ff::1"))) ==
        "connection.max-per-address");
  CHECK(outcome(door.accepted(given.snapshot, 0, at("192.0.3.1"))) == "in");
  CHECK(outcome(door.accepted(given.snapshot, 0, at("2001:db8:2::1"))) == "in");
}

TEST_CASE("door: no certificate does not pass where one is required") {
  using tls::ClientCertificate;
  const Door door(1);
  const Certificate certificate;
  ListenerSettings settings;
  const auto now = std::chrono::system_clock::now();
  CHECK(door.shaken(settings, nullptr, now).good());
  settings.tls = tls::test::load(tls::test::pki().server(ClientCertificate::optional));
  CHECK(door.shaken(settings, nullptr, now).good());
  settings.tls = tls::test::load(tls::test::pki().server(ClientCertificate::required));
  CHECK(door.shaken(settings, nullptr, now).failure.check == Check::certificate_missing);
  // One that was never verified.
  CHECK(door.shaken(settings, &certificate, now).failure.check == Check::certificate_untrusted);
}
