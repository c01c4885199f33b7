// What files say reaches the parts, and what a reload cannot change is named.

#include "app/settings.h"

#include <string>

#include <doctest/doctest.h>

#include "files.h"
#include "ledger/local_ledger.h"

namespace sallyport::app {
namespace {

using config::test::Folder;

config::GatewayOptions options_of(std::string_view more) {
  auto options = config::test::gateway(std::string(config::test::kGateway) + std::string(more));
  if (!options) FAIL(config::test::all(options.error()));
  return std::move(*options);
}

Assembled assembled(config::GatewayOptions options) {
  Assembled all;
  all.options = std::move(options);
  all.listener_tls.resize(all.options.listeners.size());
  return all;
}

TEST_CASE("the defaults of the parts are those of the files") {
  const proxy::Snapshot snapshot;
  const config::GatewayOptions options;
  CHECK(static_cast<const settings::Broker&>(snapshot.broker) == options.broker);
  CHECK(static_cast<const settings::Listener&>(proxy::ListenerSettings()) ==
        config::ListenerOptions());
  CHECK(static_cast<const settings::Audit&>(observe::Options()) == options.observe);
  CHECK(SessionOptions().broker_timeout == options.broker.connack_timeout);
  CHECK(SessionOptions().bounds == config::ListenerOptions().bounds);
}

TEST_CASE("what files say reaches the parts") {
  const Folder folder;
  auto loaded = config::test::gateway(
      folder,
      "[broker]\naddress = \"b.example:1\"\nconnect_timeout = \"1 s\"\n"
      "connack_timeout = \"2 s\"\n[policy]\nfiles = \"x\"\n[[listener]]\nname = \"l\"\n"
      "address = \"127.0.0.1:2\"\nmax_connections = 3\n"
      "max_connections_per_address = 4\nconnects_per_client = \"5/s\"\n"
      "stall_timeout = \"7 s\"\nlimits.max_filters = 8\n[observe]\n"
      "address = \"[::1]:9\"\naudit_log = \"stdout\"\naudit_queue = 100\n");
  REQUIRE(loaded.has_value());
  const Assembled all = assembled(*loaded);
  ledger::LocalLedger ledger({}, {});
  const auto snapshot = snapshot_of(all, ledger);
  CHECK(snapshot->broker.host == "b.example");
  CHECK(snapshot->broker.port == 1);
  CHECK(snapshot->broker.connect_timeout == std::chrono::seconds(1));
  CHECK(snapshot->broker.connack_timeout == std::chrono::seconds(2));
  REQUIRE(snapshot->listeners.size() == 1);
  const proxy::ListenerSettings& listener = *snapshot->listeners[0];
  CHECK(listener.name == "l");
  CHECK(listener.address_text == "127.0.0.1:2");
  CHECK(listener.origin.line == 9);
  CHECK(listener.max_connections == 3);
  CHECK(listener.max_connections_per_address == 4);
  CHECK(listener.stall_timeout == std::chrono::seconds(7));
  CHECK(listener.session.broker_timeout == std::chrono::seconds(2));
  CHECK(listener.session.bounds.max_filters == 8);
  REQUIRE(listener.session.connects.has_value());
  CHECK(listener.session.connects->name == "l");
  CHECK(listener.session.connects->messages->count == 5);
  const observe::Options observed = observe_options(all.options, "v", 3);
  CHECK(observed.audit_log == "stdout");
  CHECK(observed.audit_queue == 100);
  REQUIRE(observed.address.has_value());
  CHECK(observed.address->port == 9);
  CHECK(observed.listeners.size() == 1);
}

TEST_CASE("keys that need a restart are named when they change, and no others") {
  using Lines = std::vector<std::string>;
  const auto started = options_of("");
  CHECK(restart_needed(started, started) == Lines{});
  CHECK(restart_needed(started, options_of("[workers]\ncount = 3\n")) ==
        Lines{"[workers] count changed"});
  const auto all = options_of(
      "[observe]\naddress = \"127.0.0.1:9\"\naudit_log = \"a\"\naudit_queue = 16\n"
      "[log]\nlevel = \"warn\"\n[workers]\ncount = 1\n");
  CHECK(restart_needed(started, all) ==
        Lines{"[workers] count changed", "[observe] address changed", "[observe] audit_log changed",
              "[observe] audit_queue changed", "[log] level changed"});
  CHECK(restart_needed(all, started).size() == 5);
  const auto reloaded = options_of(
      "max_connections = 3\n[limits]\nmax_packet = \"1 KiB\"\n[drain]\ntimeout = \"1 s\"\n"
      "[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:7\"\n");
  CHECK(restart_needed(started, reloaded) == Lines{});
  // Where it listens is for proxy::Server to compare, who knows what it is bound to.
  auto moved = started;
  moved.listeners[0].address.port = 1;
  CHECK(restart_needed(started, moved) == Lines{});
}

}  // namespace
}  // namespace sallyport::app
