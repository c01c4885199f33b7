#include "proxy/server.h"

#include <thread>

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include "site.h"

using namespace sallyport;
using namespace sallyport::proxy;
using namespace sallyport::proxy::test;
using tls::test::load;
using tls::test::pki;

namespace {

constexpr Duration kLong = std::chrono::seconds(60);

std::string message_on(std::string topic, std::string payload = "x") {
  return wire::publish({.topic = std::move(topic), .payload = std::move(payload)});
}

struct Nobody final : Server::Watcher {
  void on_accept_paused(std::string_view, std::string_view) override {}
  void on_stopped() override {}
};

std::shared_ptr<ListenerSettings> listener_at(std::string name, const std::string& host,
                                              std::uint16_t port) {
  auto listener = std::make_shared<ListenerSettings>();
  listener->name = std::move(name);
  listener->address = *net::Address::parse(host, port);
  listener->address_text = host + ":" + std::to_string(port);
  listener->origin = {"gateway.toml", 5, 11};
  return listener;
}

std::shared_ptr<const Snapshot> snapshot_with(
    std::vector<std::shared_ptr<const ListenerSettings>> listeners) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->policy = policy_for({"t/#"});
  snapshot->listeners = std::move(listeners);
  snapshot->broker.host = "127.0.0.1";
  snapshot->broker.port = 1883;
  return snapshot;
}

}  // namespace

TEST_CASE("server: a port in use is said with its line, for one worker and for two") {
  const net::Socket taken =
      std::move(net::listen_on(*net::Address::parse("127.0.0.1", 0), {}).value());
  const std::uint16_t port = net::local_address(taken)->port();
  Nobody nobody;
  Log log;
  for (const std::size_t workers : {1U, 2U}) {
    const std::vector<GatewayEvents*> events(workers, &log);
    const auto server = Server::bind(snapshot_with({listener_at("free", "127.0.0.1", 0),
                                                    listener_at("devices", "127.0.0.1", port)}),
                                     events, nobody);
    REQUIRE_FALSE(server.has_value());
    CHECK(server.error().origin.line == 5);
    CHECK(server.error().message ==
          "listener \"devices\": address 127.0.0.1:" + std::to_string(port) + " is already in use");
    CHECK(server.error().hint != "");
  }
}

TEST_CASE("server: two gateways do not share a port in silence") {
  Nobody nobody;
  Log log;
  const std::vector<GatewayEvents*> events(2, &log);
  const auto first =
      Server::bind(snapshot_with({listener_at("a", "127.0.0.1", 0)}), events, nobody);
  REQUIRE(first.has_value());
  const auto second = Server::bind(
      snapshot_with({listener_at("a", "127.0.0.1", (*first)->address(0).port())}), events, nobody);
  CHECK_FALSE(second.has_value());
}

TEST_CASE("server: an address of another host") {
  Nobody nobody;
  Log log;
  const std::vector<GatewayEvents*> events(1, &log);
  const auto server =
      Server::bind(snapshot_with({listener_at("a", "192.0.2.1", 0)}), events, nobody);
  REQUIRE_FALSE(server.has_value());
  CHECK(server.error().message ==
        "listener \"a\": address 192.0.2.1:0 is not an address of this host");
}

TEST_CASE("server: IPv4 and IPv6 wildcards on one port, two workers") {
  if (!net::listen_on(*net::Address::parse("::1", 0), {})) return;  // a host without IPv6
  Nobody nobody;
  Log log;
  const std::vector<GatewayEvents*> events(2, &log);
  const std::uint16_t port =
      net::local_address(net::listen_on(*net::Address::parse("0.0.0.0", 0), {}).value())->port();
  for (bool v6_first : {false, true}) {
    std::vector<std::shared_ptr<const ListenerSettings>> listeners = {
        listener_at("four", "0.0.0.0", port), listener_at("six", "::", port)};
    if (v6_first) std::swap(listeners[0], listeners[1]);
    const auto server = Server::bind(snapshot_with(listeners), events, nobody);
    CHECK(server.has_value());
  }
}

TEST_CASE("server: bound but never served ends cleanly") {
  Nobody nobody;
  Log log;
  const std::vector<GatewayEvents*> events(3, &log);
  CHECK(
      Server::bind(snapshot_with({listener_at("a", "127.0.0.1", 0)}), events, nobody).has_value());
  CHECK(log.count("heartbeat") == 0);
}

TEST_CASE("server: several workers share the connections") {
  Site site({.workers = 2});
  std::vector<Site::Pair> pairs;
  for (int i = 0; i < 20; ++i) {
    pairs.push_back(site.session({.client_id = "c" + std::to_string(i)}));
  }
  for (auto& pair : pairs) {
    pair.client.send(message_on("t/x", noise(5'000)));
    pair.broker.send(message_on("t/y", noise(7'000)));
  }
  for (auto& pair : pairs) {
    const std::string there = message_on("t/x", noise(5'000));
    const std::string back = message_on("t/y", noise(7'000));
    CHECK(pair.broker.receive(there.size()) == there);
    CHECK(pair.client.receive(back.size()) == back);
  }
  site.log.wait("heartbeat", 2);
  CHECK(site.log.count("begin") == 20);
}

TEST_CASE("server: no more connections than allowed, over all workers") {
  Site site({.workers = 2, .max_connections = 3});
  std::vector<Peer> peers;
  for (int i = 0; i < 3; ++i) peers.push_back(site.connect());
  site.log.wait("accept", 3);
  Peer fourth = site.connect();
  CHECK(fourth.gets_end());
  site.log.wait("refusal connection.max");
  peers[0].close();
  site.log.wait("closed");
  Peer fifth = site.connect();
  site.log.wait("accept", 4);
  CHECK(site.log.count("refusal connection.max") == 1);
}

TEST_CASE("server: no more connections of one address than allowed") {
  Site site({.max_connections_per_address = 2});
  std::vector<Peer> peers;
  for (int i = 0; i < 2; ++i) peers.push_back(site.connect());
  site.log.wait("accept", 2);
  Peer third = site.connect();
  CHECK(third.gets_end());
  site.log.wait("refusal connection.max-per-address");
}

TEST_CASE("server: a reload reaches live sessions and new ones, and drops none") {
  Site site({.workers = 2});
  auto [client, broker] = site.session();
  Snapshot next = site.snapshot();
  next.policy = policy_for({"u/#"});
  CHECK(site.reload(next) == 1);
  // The old right is gone and the new one is there, on the connection that was there before.
  client.send(message_on("t/x") + message_on("u/x"));
  CHECK(broker.receive(message_on("u/x").size()) == message_on("u/x"));
  CHECK(site.log.count("refusal policy.no-rule") > 0);
  CHECK(site.log.count("closed") == 0);

  auto [second, other] = site.session({.client_id = "c2"});
  second.send(message_on("t/x") + message_on("u/x"));
  CHECK(other.receive(message_on("u/x").size()) == message_on("u/x"));
}

TEST_CASE("server: a reload that admits nobody ends the sessions") {
  Site site;
  auto [client, broker] = site.session({.level = wire::v5});
  Snapshot next = site.snapshot();
  policy::RoleSpec others = role("others");
  others.match["username"] = {"somebody-else"};
  next.policy = compiled({{others}});
  (void)site.server->reload(std::make_shared<Snapshot>(next));
  const std::string last = client.receive_all();
  CHECK(last.substr(0, 1) == "\xE0");
  CHECK(broker.gets_end());
  site.log.wait("end client policy_changed");
}

TEST_CASE("server: a reload changes certificates for those who come, not for those who are there") {
  Site site({.listener_tls = load(pki().server())});
  auto [client, broker] = site.session();
  Snapshot next = site.snapshot();
  auto listener = std::make_shared<ListenerSettings>(*next.listeners[0]);
  listener->tls = load(pki().server(tls::ClientCertificate::required));
  next.listeners[0] = listener;
  CHECK(site.server->reload(std::make_shared<Snapshot>(next)).empty());
  // Now a certificate is asked for. The worker may take a moment to hear of it.
  for (;;) {
    Peer bare = site.connect(load(pki().client()));
    (void)bare.shake_hands();
    bare.end();
    (void)bare.receive_all();
    if (site.log.count("handshake client failed") != 0) break;
  }
  client.send(message_on("t/x"));
  CHECK(broker.receive(message_on("t/x").size()) == message_on("t/x"));
}

TEST_CASE("server: a reload moves new sessions to another broker, and says what it cannot move") {
  Site site;
  FakeBroker second;
  Snapshot next = site.snapshot();
  next.broker.host = "localhost";
  next.broker.port = second.port();
  auto moved = std::make_shared<ListenerSettings>(*next.listeners[0]);
  moved->address_text = "127.0.0.1:1";
  next.listeners = {moved, listener_at("more", "127.0.0.1", 0)};
  const auto restart = site.server->reload(std::make_shared<Snapshot>(next));
  CHECK(restart.size() == 2);
  for (;;) {
    Peer client = site.connect();
    client.send(wire::connect());
    pollfd entries[2] = {{second.fd(), POLLIN, 0}, {site.broker.fd(), POLLIN, 0}};
    REQUIRE(::poll(entries, 2, kLimitMs) > 0);
    if (second.dialled()) break;
    (void)site.broker.accept();
  }
  next.listeners.clear();
  CHECK(site.server->reload(std::make_shared<Snapshot>(next)).size() == 1);
}

TEST_CASE("server: a drain says goodbye, sends what is pending, and ends") {
  Site site({.workers = 2});
  auto [five, five_broker] = site.session({.level = wire::v5, .client_id = "five"});
  auto [three, three_broker] = site.session({.client_id = "three"});
  Peer silent = site.connect();
  site.log.wait("accept", 3);
  three_broker.send(message_on("t/x", noise(100'000)));
  CHECK(three.receive(10).size() == 10);
  site.server->drain(kLong);
  // 0x8B: Server shutting down. 4.13 (5.0)
  CHECK(five.receive_all() == wire::packet(0xE0, wire::u8(0x8B)));
  (void)three.receive_all();
  CHECK(silent.gets_end());
  CHECK(five_broker.gets_end());
  CHECK(three_broker.gets_end());
  CHECK_FALSE(site.stopped());
  for (Peer* peer : {&five, &five_broker, &three, &three_broker, &silent}) peer->close();
  site.wait_stopped();
  // Nobody listens any more.
  net::Socket late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const net::Address& address = site.server->address(0);
  CHECK(::connect(late.fd(), address.native(), address.size()) != 0);
}

TEST_CASE("server: a drain is bounded, and a second one can only shorten it") {
  Site site({.workers = 2});
  auto [client, broker] = site.session();
  // Neither of them ever ends: not the client, not the broker.
  SUBCASE("short") { site.server->drain(std::chrono::milliseconds(50)); }
  SUBCASE("long, then at once") {
    site.server->drain(kLong);
    site.server->drain(Duration::zero());
  }
  SUBCASE("at once, then long") {
    site.server->drain(Duration::zero());
    site.server->drain(kLong);
  }
  site.wait_stopped();
}

TEST_CASE("server: a drain over a window, idle sessions first, and the loop lives meanwhile") {
  Site site;
  // 5.0, so that QoS 1 on its way is seen.
  auto busy = site.session({.level = wire::v5, .client_id = "busy"});
  busy.client.send(
      wire::publish({.level = wire::v5, .topic = "t/x", .payload = "x", .qos = 1, .packet_id = 1}));
  CHECK_FALSE(busy.broker.receive(1).empty());
  auto talks = site.session({.level = wire::v5, .client_id = "talks"});
  auto silent = site.session({.level = wire::v5, .client_id = "silent"});
  talks.client.send(wire::pingreq());  // was heard of last
  CHECK(talks.broker.receive(2) == wire::pingreq());
  const std::size_t heartbeats = site.log.count("heartbeat");
  // 4 s, of which the three of them have a third each.
  site.server->drain(kLong, std::chrono::seconds(4));
  const std::string bye = wire::packet(0xE0, wire::u8(0x8B));
  CHECK(silent.client.receive(4) == bye);
  CHECK_FALSE(talks.client.readable());
  CHECK(talks.client.receive(4) == bye);
  CHECK_FALSE(busy.client.readable());
  // As soon as it is not busy any more; and until then it was served.
  busy.broker.send(wire::puback(1));
  CHECK(busy.client.receive(4) == wire::puback(1));
  CHECK(busy.client.receive(4) == bye);
  site.log.wait("heartbeat", heartbeats + 2);
  for (Site::Pair* pair : {&busy, &talks, &silent}) {
    pair->client.close();
    pair->broker.close();
  }
  site.wait_stopped();
}

TEST_CASE("server: whoever is busy for ever goes at the end of the window") {
  Site site;
  auto busy = site.session({.level = wire::v5});
  busy.client.send(
      wire::publish({.level = wire::v5, .topic = "t/x", .payload = "x", .qos = 1, .packet_id = 1}));
  CHECK_FALSE(busy.broker.receive(1).empty());
  SUBCASE("by itself") { site.server->drain(kLong, std::chrono::milliseconds(200)); }
  SUBCASE("at once, at the second call") {
    site.server->drain(kLong, kLong);
    site.server->drain(Duration::zero());
  }
  (void)busy.client.receive_all();
  busy.client.close();
  busy.broker.close();
  site.wait_stopped();
}

TEST_CASE("server: a drain while a broker is dialled and while TLS shakes hands") {
  Site site({.listener_tls = load(pki().server())});
  Peer shaking = site.connect();
  shaking.send(std::string("\x16\x03\x01", 3));
  Peer dialling = site.connect(load(pki().client()));
  REQUIRE(dialling.shake_hands());
  dialling.send(wire::connect());
  Peer broker = site.broker.accept();
  site.server->drain(kLong);
  (void)dialling.receive_all();
  dialling.close();
  broker.close();
  shaking.close();
  site.wait_stopped();
}

TEST_CASE("server: the destructor ends what is open") {
  Site site({.workers = 2});
  auto [client, broker] = site.session();
  site.server.reset();
  CHECK(site.stopped());
  CHECK(client.gets_end());
}

TEST_CASE("server: connections that come and go while it ends leave nothing behind") {
  Site site({.workers = 2, .max_connections = 1000});
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&site, t] {
      const net::Address& address = site.server->address(0);
      for (int i = 0; i < 200; ++i) {
        net::Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(socket.fd(), address.native(), address.size()) != 0) return;
        const std::string hello =
            wire::connect({.client_id = "c" + std::to_string(1000 * t + i)}) + message_on("t/x");
        (void)::send(socket.fd(), hello.data(), static_cast<std::size_t>(i) % hello.size(),
                     MSG_NOSIGNAL);
        if (i % 3 == 0) {
          const linger hard{1, 0};
          ::setsockopt(socket.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        }
      }
    });
  }
  site.log.wait("accept", 100);
  site.server->drain(std::chrono::milliseconds(100));
  for (auto& thread : threads) thread.join();
  site.wait_stopped();
}
