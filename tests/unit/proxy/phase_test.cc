// Every refusal says in which phase of the connection it came, and of which version of MQTT the
// client is as soon as its CONNECT has said so.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "../auth/pool_authenticator.h"
#include "site.h"
#include "support/proxy_wire.h"

using namespace sallyport;
using namespace sallyport::proxy;
using namespace sallyport::proxy::test;
using tls::ClientCertificate;
using tls::test::load;
using tls::test::pki;

namespace {

struct Row {
  Phase phase;
  const char* name;
  bool says_version;
  std::function<void(Plan&)> plan;
  /// What client and broker do until the refusal.
  std::function<void(Site&)> play;
};

const IpAddress kAnywhere = net::Address::parse("192.0.2.7", 1)->ip();

void sends(Site& site, const std::string& bytes) {
  Peer client = site.connect();
  client.send(bytes);
  (void)client.receive_all();
}

const std::string kHello = wire::connect({.level = wire::v5});

/// Up to where the broker has CONNECT; then it does as it is told.
void dialled(Site& site, const std::function<void(Peer& client, Peer& broker)>& then) {
  Peer client = site.connect();
  client.send(kHello);
  Peer broker = site.broker.accept();
  CHECK(broker.receive(kHello.size()) == kHello);
  then(client, broker);
  (void)client.receive_all();
}

}  // namespace

TEST_CASE("phase: every refusal names the one in which it came") {
  const auto pool = net::WorkPool::make({.threads = 1, .queue = 4}).value();
  const auto nobody = std::make_shared<auth::test::PoolAuthenticator>(auth::test::Users{});
  const auto same = [](Plan&) {};
  const Row rows[] = {
      {Phase::accept, "connection.max", false, [](Plan& plan) { plan.max_connections = 1; },
       [](Site& site) {
         const Peer first = site.connect();
         site.log.wait("accept");
         CHECK(site.connect().gets_end());
       }},
      {Phase::header, "connection.proxy-header", false,
       [](Plan& plan) {
         plan.proxy_protocol = {AddressPrefix::of(net::Address::parse("127.0.0.1", 1)->ip(), 8)};
       },
       [](Site& site) { sends(site, kHello); }},
      {Phase::header, "connection.max-per-address", false,
       [](Plan& plan) {
         plan.proxy_protocol = {AddressPrefix::of(net::Address::parse("127.0.0.1", 1)->ip(), 8)};
         plan.max_connections_per_address = 1;
       },
       [](Site& site) {
         Peer first = site.connect();
         first.send(wire::proxy_v2(kAnywhere) + kHello);
         const Peer broker = site.broker.accept();
         sends(site, wire::proxy_v2(kAnywhere));
       }},
      {Phase::handshake, "tls.not-tls", false,
       [](Plan& plan) { plan.listener_tls = load(pki().server(ClientCertificate::none)); },
       [](Site& site) { sends(site, "GET / HTTP/1.0\r\n\r\n"); }},
      {Phase::handshake, "tls.timeout", false,
       [](Plan& plan) {
         plan.listener_tls = load(pki().server(ClientCertificate::none));
         plan.bounds.connect_timeout = std::chrono::milliseconds(20);
       },
       [](Site& site) { sends(site, "\x16"); }},
      {Phase::connect, "session.connect-timeout", false,
       [](Plan& plan) { plan.bounds.connect_timeout = std::chrono::milliseconds(20); },
       [](Site& site) { sends(site, kHello.substr(0, 5)); }},
      {Phase::connect, "mqtt.connect-first", false, same,
       [](Site& site) { sends(site, wire::pingreq()); }},
      {Phase::connect, "policy.no-rule", true, same,
       [](Site& site) {
         sends(site, wire::connect({.level = wire::v5, .will_topic = "elsewhere"}));
       }},
      {Phase::login, "login.refused", true,
       [&](Plan& plan) {
         plan.authenticator = nobody;
         plan.pool = pool.get();
       },
       [](Site& site) { sends(site, kHello); }},
      {Phase::login, "login.unavailable", true, [&](Plan& plan) { plan.authenticator = nobody; },
       [](Site& site) { sends(site, kHello); }},
      {Phase::dial, "session.broker-unavailable", true, same,
       [](Site& site) {
         site.broker.stop();
         sends(site, kHello);
       }},
      {Phase::dial, "broker.queue-full", true,
       [](Plan& plan) {
         plan.max_dials = 0;
         plan.dial_queue = 0;
       },
       [](Site& site) { sends(site, kHello); }},
      {Phase::dial, "broker.queue", true,
       [](Plan& plan) {
         plan.max_dials = 0;
         plan.dial_wait = std::chrono::milliseconds(20);
       },
       [](Site& site) { sends(site, kHello); }},
      {Phase::connack, "session.broker-silent", true, same,
       [](Site& site) { dialled(site, [](Peer&, Peer& broker) { broker.close(); }); }},
      {Phase::connack, "mqtt.connect-first", true, same,
       [](Site& site) {
         dialled(site, [](Peer&, Peer& broker) {
           broker.send(wire::pingresp());  // dropped; CONNACK may still come, and does not
           broker.close();
         });
       }},
      {Phase::open, "policy.no-rule", true, same,
       [](Site& site) {
         Site::Pair pair = site.session({.level = wire::v5});
         pair.client.send(wire::publish({.level = wire::v5, .topic = "elsewhere"}));
         site.log.wait("refusal policy.no-rule");
       }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CAPTURE(to_string(row.phase));
    Plan plan;
    row.plan(plan);
    Site site(std::move(plan));
    row.play(site);
    site.log.wait("refusal " + std::string(row.name));
    // Whoever plays on may be refused for something else meanwhile.
    const Log::Refused refused = site.log.last_refusal(row.name);
    CHECK(refused.phase == row.phase);
    CHECK(refused.version.has_value() == row.says_version);
    CHECK(site.log.count("refusal " + std::string(row.name)) == 1);
  }
}

TEST_CASE("phase: a drain reaches whoever has no session with the broker yet") {
  Plan plan;
  std::string bytes;
  std::string answer;
  SUBCASE("header") {
    plan.proxy_protocol = {AddressPrefix::of(net::Address::parse("127.0.0.1", 1)->ip(), 8)};
    bytes = "PROXY TCP4";
  }
  SUBCASE("handshake") {
    plan.listener_tls = load(pki().server(ClientCertificate::none));
    bytes = std::string("\x16\x03\x01\x02", 4);
  }
  SUBCASE("connect") { bytes = kHello.substr(0, 5); }
  SUBCASE("it waits for a dial") {
    plan.max_dials = 0;
    bytes = kHello;
    answer = wire::connack(wire::v5, 0x88);
  }
  Site site(std::move(plan));
  Peer client = site.connect();
  client.send(bytes);
  for (int i = 0; site.log.received(Side::client) < bytes.size(); ++i) {
    REQUIRE(i < kLimitMs);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  site.server->drain(std::chrono::minutes(10));
  const std::string got = client.receive_all();
  CHECK((answer.empty() || got == answer));
  client.close();
  site.wait_stopped();
  CHECK(site.log.count("closed") == 1);
  CHECK_FALSE(site.broker.dialled());
}
