// What one connection may cost the others. The worker is held in the middle of a turn until all
// that matters is in the kernel's buffers; then what it does is counted, and no clock is asked.

#include <algorithm>
#include <thread>

#include <doctest/doctest.h>

#include "record.h"
#include "site.h"

using namespace sallyport;
using namespace sallyport::proxy;
using namespace sallyport::proxy::test;
using mqtt::PacketType;
using tls::test::load;
using tls::test::pki;

namespace {

constexpr TurnBudget kBudget{.packets = 50, .handshakes = 3, .accepts = 4, .sessions = 5};

std::size_t count(std::string_view text, char letter) {
  return static_cast<std::size_t>(std::ranges::count(text, letter));
}

std::string refused_subscribe(std::size_t filters) {
  std::string body = wire::u16(1);
  for (std::size_t i = 0; i < filters; ++i) body += wire::text("no/" + std::to_string(i)) + '\0';
  return wire::packet(0x82, body);
}

}  // namespace

TEST_CASE("turn: what a client floods is decided in small portions, and others come in between") {
  Record record;
  Plan plan{.turn = kBudget, .events = &record};
  SUBCASE("plain") {}
  SUBCASE("TLS") { plan.listener_tls = load(pki().server(tls::ClientCertificate::none)); }
  const bool tls = plan.listener_tls != nullptr;
  struct Flood {
    std::string block;
    char letter;
    std::size_t most;  // packets in one portion
  };
  const std::size_t kFilters = 20;
  const std::size_t kRefused = 1 + Turn::kWorkOfRefusal;
  const std::vector<Flood> floods = {
      {wire::pingreq(), 'P', kBudget.packets},
      {wire::publish({.topic = "no", .payload = "x"}), 'M', kBudget.packets / kRefused + 1},
      {refused_subscribe(kFilters), 'S', kBudget.packets / (1 + kFilters * kRefused) + 1},
  };
  for (const Flood& flood : floods) {
    CAPTURE(flood.letter);
    CAPTURE(tls);
    Site site(plan);
    auto [client, client_broker] = site.session({.client_id = "flood"});
    auto [other, other_broker] = site.session({.client_id = "other"});
    const bool pings = flood.letter == 'P';
    const std::string word =
        pings ? wire::publish({.topic = "t/x", .payload = "x"}) : wire::pingreq();
    record.hold();
    client.send(flood.block);
    record.wait_held();
    // More than one read brings, and far more than a portion.
    client.send(repeat(flood.block, 50'000));
    other.send(word);
    record.go_on();
    const std::string before = record.until(pings ? 'M' : 'P');
    // A portion may be under way, and one may come first in the round that sees the other client.
    CHECK(count(before, flood.letter) <= 2 * flood.most);
    CHECK(other_broker.receive(word.size()) == word);
    // All of it is decided in the end, although no byte comes that would wake the loop.
    const std::size_t all = 50'000 / flood.block.size();
    (void)record.until(flood.letter, all);
    // Whoever floods can still be heard.
    client.send(wire::packet(0xE0, ""));
    CHECK(client_broker.receive_all().ends_with(wire::packet(0xE0, "")));
  }
}

TEST_CASE("turn: a flood from the broker lets others come in between, too") {
  Record record;
  Site site({.turn = kBudget, .events = &record});
  auto [client, client_broker] = site.session({.client_id = "flood"});
  auto [other, other_broker] = site.session({.client_id = "other"});
  const std::string block = wire::publish({.topic = "t/x", .payload = "x"});
  const std::string flood = repeat(block, 50'000);
  std::string got;
  std::thread reader([&, &client = client] { got = client.receive(flood.size()); });
  client_broker.send(flood);
  other.send(wire::pingreq());
  CHECK(other_broker.receive(2) == wire::pingreq());
  reader.join();
  CHECK(got == flood);
}

TEST_CASE("turn: what is kept at the end of the client's direction still goes through") {
  Record record;
  Plan plan{.turn = kBudget, .events = &record};
  SUBCASE("plain") {}
  SUBCASE("TLS") { plan.listener_tls = load(pki().server(tls::ClientCertificate::none)); }
  Site site(plan);
  auto [client, broker] = site.session();
  const std::string all = repeat(wire::publish({.topic = "t/x", .payload = "x"}), 30'000);
  client.send(all);
  client.end();
  CHECK(broker.receive_all() == all);
}

TEST_CASE("turn: a client that goes, a drain and a reload find a connection that waits its turn") {
  Record record;
  Site site({.turn = kBudget, .events = &record});
  auto [client, broker] = site.session();
  record.hold();
  client.send(wire::pingreq());
  record.wait_held();
  client.send(repeat(wire::publish({.topic = "no", .payload = "x"}), 50'000));
  SUBCASE("reset") { client.reset(); }
  SUBCASE("drain") { site.server->drain(std::chrono::seconds(60)); }
  SUBCASE("drain at once") { site.server->drain(Duration::zero()); }
  SUBCASE("refused by a reload") {
    Snapshot next = site.snapshot();
    next.policy = policy_of_only("nobody");
    CHECK(site.server->reload(std::make_shared<Snapshot>(next)).empty());
  }
  record.go_on();
  (void)record.until('e');
  CHECK(broker.receive_all().size() <= 4);  // PINGREQ and at most DISCONNECT
}

TEST_CASE("turn: handshakes come behind the established, a few in a round") {
  Record record;
  Site site({.listener_tls = load(pki().server(tls::ClientCertificate::none)),
             .turn = kBudget,
             .events = &record});
  auto [client, broker] = site.session();
  auto [other, other_broker] = site.session();
  // ClientHello of many arrives while the worker is held.
  constexpr std::size_t kMany = 40;
  std::vector<Peer> many;
  for (std::size_t i = 0; i < kMany; ++i) {
    many.push_back(site.connect(load(pki().client())));
  }
  (void)record.until('a', kMany);
  record.hold();
  client.send(wire::publish({.topic = "no", .payload = "x"}));
  record.wait_held();
  for (Peer& each : many) each.begin_handshake();
  other.send(wire::pingreq());  // ready last
  record.go_on();
  // 'w' is a turn that read from a client: the end of the one that was held, and steps of others.
  CHECK(count(record.until('P'), 'w') <= 1 + kBudget.handshakes);
  for (Peer& each : many) CHECK(each.shake_hands());
}

TEST_CASE("turn: a round accepts a few connections only") {
  Record record;
  Site site({.turn = kBudget, .events = &record});
  auto [client, broker] = site.session();
  auto [other, other_broker] = site.session();
  record.hold();
  client.send(wire::publish({.topic = "no", .payload = "x"}));
  record.wait_held();
  std::vector<Peer> many;
  for (std::size_t i = 0; i < 40; ++i) many.push_back(site.connect());
  other.send(wire::pingreq());  // ready last
  record.go_on();
  CHECK(count(record.until('P'), 'a') <= 2 * kBudget.accepts);
  (void)record.until('a', 40);
}
