// What files say reaches the parts, and what a reload cannot change is named.

#include "app/settings.h"

#include <string>

#include <doctest/doctest.h>

#include "admin/socket.h"
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
  CHECK(static_cast<const settings::Gateway&>(snapshot) == options);
  CHECK(proxy::ListenerSettings().flow == config::ListenerOptions());
  CHECK(proxy::ListenerSettings().address_prefix == config::ListenerOptions());
  CHECK(SessionOptions().max_held == config::ListenerOptions().max_held);
  CHECK(SessionOptions().queued_replies == config::ListenerOptions().queued_replies);
  CHECK(SessionOptions().broker_gathered == options.broker.max_gathered);
  CHECK(SessionOptions().login_timeout == options.login.timeout);
  CHECK(observe::Options().audit_limits == options.observe);
  CHECK(ledger::Settings() == options.ledger);
  CHECK(admin::Options().bounds == options.admin);
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
      "connack_timeout = \"2 s\"\nmax_dials = 3\ndial_queue = 4\n"
      "dial_wait = \"5 s\"\ntcp_keep_alive = \"70 s\"\nmax_gathered = \"80 KiB\"\non_bad_delivery "
      "= \"disconnect\"\ndeviations = \"refuse\"\n"
      "server_references = [\"Other.example:8883\", \"plain\"]\n[policy]\nfiles = "
      "\"x\"\n[[listener]]\nname = \"l\"\n"
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
  CHECK(snapshot->broker.max_dials == 3);
  CHECK(snapshot->broker.dial_queue == 4);
  CHECK(snapshot->broker.dial_wait == std::chrono::seconds(5));
  CHECK(snapshot->broker.tcp_keep_alive == std::chrono::seconds(70));
  CHECK(snapshot->broker.max_gathered == 80 * 1024);
  REQUIRE(snapshot->listeners.size() == 1);
  const proxy::ListenerSettings& listener = *snapshot->listeners[0];
  CHECK(listener.name == "l");
  CHECK(listener.address_text == "127.0.0.1:2");
  CHECK(listener.origin.line == 17);
  CHECK(listener.max_connections == 3);
  CHECK(listener.max_connections_per_address == 4);
  CHECK(listener.stall_timeout == std::chrono::seconds(7));
  CHECK(listener.session.broker_timeout == std::chrono::seconds(2));
  CHECK(listener.session.bounds.max_filters == 8);
  CHECK(listener.session.faults.end_on_bad_delivery);
  CHECK(listener.session.faults.refuse_deviations);
  // As a Server Reference is compared: in lower case.
  CHECK(listener.session.faults.server_references ==
        std::vector<std::string>{"other.example:8883", "plain"});
  CHECK(listener.session.broker_gathered == 80 * 1024);
  REQUIRE(listener.session.connects.has_value());
  CHECK(listener.session.connects->name == "l");
  CHECK(listener.session.connects->messages->count == 5);
  const observe::Options observed = observe_options(all.options, {.version = "v"}, 3);
  CHECK(observed.audit_log == "stdout");
  CHECK(observed.audit_queue == 100);
  REQUIRE(observed.address.has_value());
  CHECK(observed.address->port == 9);
  CHECK(observed.listeners.size() == 1);
}

TEST_CASE("every bound that a part reads can be said in the files, and reaches it") {
  const auto loaded = options_of(R"(high_water = "48 KiB"
low_water = "1 KiB"
choke_water = "64 KiB"
queued_replies = "2 KiB"
flush_time = "3 s"
linger = "400 ms"
discard = "5 KiB"
max_held = "6 KiB"
address_prefix_v4 = 24
address_prefix_v6 = 48
proxy_protocol = ["10.1.0.0/16", "2001:db8::/32", "192.0.2.7"]
proxy_header_timeout = "7 s"
max_proxy_header = "8 KiB"
[connections]
max = 9
[turn]
read_bytes = "10 KiB"
packets = 17
handshakes = 12
accepts = 13
sessions = 14
[accept]
pause = "15 ms"
say_every = "16 s"
[ledger]
meters = 2048
connects = 4096
[login]
timeout = "18 s"
[log]
level = "error"
format = "json"
burst = 33
per_second = 34
[observe]
audit_format = "ecs"
instance = "gw-9"
audit_bytes_per_second = "31 KiB"
audit_bytes_burst = "96 KiB"
audit_burst = 19
audit_per_second = 20
audit_crowd = 21
audit_interval = "22 s"
throttle_quiet = "23 s"
notice_every = "24 s"
max_clients = 28
timeout = "29 s"
[files]
held_back = 30
[admin]
max_clients = 25
max_request = "26 KiB"
timeout = "27 s"
questions = 28
[drain]
delay = "31 s"
window = "32 s"
timeout = "33 s"
grace = "34 s"
server_references = ["b:1", "c"]
)");
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  ledger::LocalLedger ledger({}, {});
  const auto snapshot = snapshot_of(assembled(loaded), ledger);
  // Every field is named: one more does not compile until it is looked at here.
  const auto& [turn, accept, files, drain, questions, max_connections] =
      static_cast<const settings::Gateway&>(*snapshot);
  CHECK(turn == settings::Turn{10 * 1024, 17, 12, 13, 14});
  CHECK(accept == settings::Accept{milliseconds(15), seconds(16)});
  CHECK(files == settings::Files{30});
  CHECK(drain == settings::Drain{seconds(31), seconds(32), seconds(33), seconds(34), {"b:1", "c"}});
  CHECK(snapshot->server_reference == "b:1 c");
  CHECK(questions == 28);
  CHECK(max_connections == 9);

  const proxy::ListenerSettings& listener = *snapshot->listeners.at(0);
  CHECK(listener.flow == settings::Flow{48 * 1024, 1024, 64 * 1024, 2 * 1024, seconds(3),
                                        milliseconds(400), 5 * 1024});
  CHECK(listener.session.queued_replies == 2 * 1024);
  CHECK(listener.session.max_held == 6 * 1024);
  CHECK(listener.session.login_timeout == seconds(18));
  CHECK(listener.address_prefix == PrefixLengths{24, 48});
  REQUIRE(listener.proxy_protocol.size() == 3);
  const auto v4 = [](std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    return IpAddress::from_v4({a, b, c, d});
  };
  CHECK(listener.proxy_protocol[0] == AddressPrefix::of(v4(10, 1, 0, 0), 16));
  CHECK(listener.proxy_protocol[1].bits == 32);
  CHECK(listener.proxy_protocol[1].contains(IpAddress{{0x20, 0x01, 0x0d, 0xb8, 9}}));
  CHECK(!listener.proxy_protocol[1].contains(IpAddress{{0x20, 0x01, 0x0d, 0xb9, 9}}));
  CHECK(listener.proxy_protocol[2] == AddressPrefix::of(v4(192, 0, 2, 7), 32));
  CHECK(listener.proxy_header_timeout == seconds(7));
  CHECK(listener.max_proxy_header == 8 * 1024);

  const observe::Options observed = observe_options(loaded, {.version = "v"}, 1);
  CHECK(observed.audit_limits == settings::AuditLimits{19, 20, 21, seconds(22), seconds(23)});
  CHECK(static_cast<const settings::Audit&>(observed) ==
        settings::Audit{"", settings::AuditFormat::ecs, "gw-9", 8192, 31 * 1024, 96 * 1024,
                        seconds(24)});
  CHECK(loaded.log == settings::Log{settings::LogLevel::error, settings::LogFormat::json, 33, 34});
  CHECK(observed.http == settings::Http{28, seconds(29)});
  CHECK(loaded.ledger == settings::Ledger{2048, 4096});
  CHECK(loaded.admin == settings::Admin{25, 26 * 1024, seconds(27)});
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
              "[observe] audit_queue changed"});
  CHECK(restart_needed(all, started).size() == 4);
  CHECK(
      restart_needed(started, options_of("[ledger]\nmeters = 2048\n[admin]\ntimeout = \"1 s\"\n"
                                         "questions = 3\n[observe]\naudit_crowd = 3\n")) ==
      Lines{"[ledger] meters changed", "[observe] audit_crowd changed", "[admin] timeout changed"});
  const auto reloaded = options_of(
      "max_connections = 3\n[limits]\nmax_packet = \"1 KiB\"\n[drain]\ntimeout = \"1 s\"\n"
      "[turn]\npackets = 16\n[accept]\npause = \"1 s\"\n[connections]\nmax = 3\n"
      "[login]\ntimeout = \"1 s\"\n[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:7\"\n");
  CHECK(restart_needed(started, reloaded) == Lines{});
  // Where it listens is for proxy::Server to compare, who knows what it is bound to.
  auto moved = started;
  moved.listeners[0].address.port = 1;
  CHECK(restart_needed(started, moved) == Lines{});
}

}  // namespace
}  // namespace sallyport::app
