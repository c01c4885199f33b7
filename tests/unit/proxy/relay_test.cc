#include "proxy/relay.h"

#include <chrono>
#include <random>
#include <thread>

#include <doctest/doctest.h>
#include <malloc.h>
#include <poll.h>

#include "site.h"

using namespace sallyport;
using namespace sallyport::proxy;
using namespace sallyport::proxy::test;

namespace {

std::string publish(std::string payload, unsigned qos = 0, unsigned id = 1) {
  return wire::publish(
      {.topic = "t/x", .payload = std::move(payload), .qos = qos, .packet_id = id});
}

/// Bytes of this process's heap in use; the gateway is part of the process.
std::size_t heap() { return mallinfo2().uordblks; }

/// Sends `block` again and again until the gateway has said `slow` and then takes nothing more: the
/// kernel's buffers are full, and the gateway holds what it may hold. Returns how many bytes went.
std::size_t stuff(Peer& peer, std::string_view block, const Log& log, std::string_view slow) {
  std::size_t sent = 0;
  // How long "nothing more" is watched decides nothing but how hard the test tries.
  for (int idle = 0; idle < 3 || log.count(slow) == 0;) {
    const std::size_t more = peer.send_some(block.substr(sent % block.size()));
    sent += more;
    pollfd entry{peer.fd(), POLLOUT, 0};
    idle = more != 0 || ::poll(&entry, 1, 20) == 1 ? 0 : idle + 1;
    if ((entry.revents & (POLLERR | POLLHUP)) != 0) break;  // the gateway has had enough
  }
  return sent;
}

/// Whole blocks, at least `size` bytes.
}  // namespace

TEST_CASE("relay: what is allowed arrives byte for byte, both ways") {
  Site site;
  auto [client, broker] = site.session();
  const std::string all = noise(3'000'000);
  std::string stream;
  std::mt19937 random(5);
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t size = std::min<std::size_t>(1 + random() % 60'000, all.size() - at);
    stream += publish(all.substr(at, size));
    at += size;
  }
  const auto carry = [&](Peer& from, Peer& to) {
    std::thread sender([&] {
      for (std::size_t at = 0; at < stream.size();) {
        const std::size_t size = std::min<std::size_t>(1 + at % 9'973, stream.size() - at);
        from.send(std::string_view(stream).substr(at, size));
        at += size;
      }
    });
    const bool same = to.receive(stream.size()) == stream;
    sender.join();
    return same;
  };
  CHECK(carry(client, broker));
  CHECK(carry(broker, client));
  client.close();
  CHECK(broker.gets_end());
  broker.close();
  site.server->drain(std::chrono::seconds(15));
  site.wait_stopped();  // the rest is reported then
  CHECK(site.log.received(Side::client) > stream.size());
  CHECK(site.log.received(Side::client) == site.log.sent(Side::broker));
  CHECK(site.log.received(Side::broker) == site.log.sent(Side::client));
}

TEST_CASE("relay: who it is about") {
  Site site;
  auto [client, broker] = site.session();
  CHECK(site.log.last().listener == "devices");
  CHECK(site.log.last().address == "127.0.0.1");
  CHECK(site.log.last().certificate == nullptr);
  CHECK(site.log.last().client_id == "c1");
}

TEST_CASE(
    "relay: bytes that came with CONNECT wait for the broker's answer and are not forgotten") {
  Site site;
  const std::string hello = wire::connect();
  const std::string more = publish("one") + publish(noise(50'000)) + publish("three");
  Peer client = site.connect();
  client.send(hello + more);
  SUBCASE("the client stays") {}
  SUBCASE("the client ends at once") { client.end(); }
  Peer broker = site.broker.accept();
  CHECK(broker.receive(hello.size()) == hello);
  CHECK_FALSE(broker.readable());
  broker.send(wire::connack(wire::v3_1_1));
  CHECK(broker.receive(more.size()) == more);
  CHECK(client.receive(4) == wire::connack(wire::v3_1_1));
  client.end();
  CHECK(broker.gets_end());
}

TEST_CASE("relay: DISCONNECT reaches the broker") {
  Site site;
  auto [client, broker] = site.session();
  client.send(publish("last") + wire::packet(0xE0, ""));
  client.close();
  const std::string got = broker.receive_all();
  CHECK(got == publish("last") + wire::packet(0xE0, ""));
  site.log.wait("end client disconnect");
}

TEST_CASE("relay: a client that dies looks to the broker like a client that dies") {
  Site site;
  auto [client, broker] = site.session();
  client.send(publish("last"));
  CHECK(broker.receive(publish("last").size()) == publish("last"));
  SUBCASE("closed") {
    client.close();
    CHECK(broker.gets_end());
    site.log.wait("end client closed");
  }
  SUBCASE("reset") {
    client.reset();
    CHECK(broker.gets_end());
    site.log.wait("end client network_error");
  }
  SUBCASE("in the middle of a packet") {
    client.send(publish(noise(1000)).substr(0, 500));
    client.close();
    CHECK(broker.receive_all().size() <= 500);
    site.log.wait("end client closed");
  }
  // Nothing that would make the broker forget the Will.
  CHECK_FALSE(broker.was_reset());
}

TEST_CASE("relay: a broker that dies ends the client's connection, after what it said last") {
  Site site;
  auto [client, broker] = site.session();
  broker.send(publish("last"));
  SUBCASE("closed") {
    broker.close();
    CHECK(client.receive_all() == publish("last"));
    site.log.wait("end broker closed");
  }
  SUBCASE("reset") {
    CHECK(client.receive(publish("last").size()) == publish("last"));
    broker.reset();
    CHECK(client.gets_end());
    site.log.wait("end broker network_error");
  }
  SUBCASE("before it answers CONNECT") {
    Peer second = site.connect();
    second.send(wire::connect({.client_id = "c2"}));
    Peer other = site.broker.accept();
    CHECK(other.receive(1).size() == 1);
    other.close();
    CHECK(second.receive_all().empty());  // what the broker says by silence
    site.log.wait("refusal session.broker-silent");
  }
}

TEST_CASE("relay: no broker is a CONNACK that arrives, whatever else the client has sent") {
  Site site;
  site.broker.stop();
  Peer client = site.connect();
  // Bytes that nobody has read when the socket is closed turn into a reset, which would take the
  // CONNACK with it.
  const std::string behind = publish(noise(200'000));
  SUBCASE("3.1.1") {
    client.send(wire::connect() + behind);
    CHECK(client.receive_all() == wire::connack(wire::v3_1_1, 3));
  }
  SUBCASE("5.0") {
    client.send(wire::connect({.level = wire::v5}) + behind);
    const std::string answer = client.receive_all();
    REQUIRE(answer.size() >= 4);
    CHECK(answer[0] == 0x20);
    CHECK(static_cast<std::uint8_t>(answer[3]) == 0x88);
  }
  CHECK_FALSE(client.was_reset());
  client.close();
  site.log.wait("end broker broker_unavailable");
  site.log.wait("dial failed");
  site.log.wait("closed");
}

TEST_CASE("relay: a broker that does not answer in time") {
  // A socket whose queue is full: the kernel leaves further connections without an answer.
  const net::Socket full =
      std::move(net::listen_on(*net::Address::parse("127.0.0.1", 0), {.backlog = 0}).value());
  const net::Address address = *net::local_address(full);
  std::vector<net::Socket> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)::connect(fillers.back().fd(), address.native(), address.size());
  }
  Site site({.broker_connect_timeout = std::chrono::milliseconds(100)});
  Snapshot other = site.snapshot();
  other.broker.port = address.port();
  CHECK(site.server->reload(std::make_shared<Snapshot>(other)).empty());
  Peer client = site.connect();
  client.send(wire::connect());
  CHECK(client.receive_all() == wire::connack(wire::v3_1_1, 3));
}

TEST_CASE("relay: nothing is dialled before a CONNECT that is allowed") {
  Site site({.policy = policy_for({"t/#"})});
  Peer client = site.connect();
  SUBCASE("TLS on a plain listener") {
    Peer lost = site.connect(tls::test::load(tls::test::pki().client()));
    CHECK_FALSE(lost.shake_hands());
    CHECK(lost.gets_end());
    client.end();
  }
  SUBCASE("something else first") { client.send(publish("x")); }
  SUBCASE("noise") { client.send(noise(100)); }
  SUBCASE("a packet too large for one who is unknown") {
    client.send(std::string("\x10\xff\xff\xff\x7f", 5));
  }
  SUBCASE("nothing but the end") { client.end(); }
  CHECK(client.gets_end());
  CHECK_FALSE(site.broker.dialled());
}

TEST_CASE("relay: one who says nothing is shown the door") {
  Bounds bounds;
  bounds.connect_timeout = std::chrono::milliseconds(50);
  Site site({.bounds = bounds});
  Peer client = site.connect();
  SUBCASE("nothing at all") {}
  SUBCASE("half a CONNECT") { client.send(wire::connect().substr(0, 5)); }
  CHECK(client.gets_end());
  site.log.wait("end client connect_timeout");
}

TEST_CASE("relay: a broker that reads slowly stops the client, and nothing is lost") {
  Site site;
  auto [client, broker] = site.session();
  const std::size_t before = heap();
  const std::string block = publish(noise(30'000));
  const std::size_t sent = stuff(client, block, site.log, "broker slow");
  CHECK(heap() - before < 4 * FlowSettings().high_water);

  const std::string wanted = repeat(block, sent);
  std::thread rest(
      [&client = client, &wanted, sent] { client.send(std::string_view(wanted).substr(sent)); });
  CHECK(broker.receive(wanted.size()) == wanted);
  rest.join();
  site.log.wait("broker fast");
  client.send(publish("and on"));
  CHECK(broker.receive(publish("and on").size()) == publish("and on"));
}

TEST_CASE("relay: a client that reads slowly stops the broker, and nothing is lost") {
  Site site;
  auto [client, broker] = site.session();
  const std::size_t before = heap();
  const std::string block = publish(noise(30'000));
  const std::size_t sent = stuff(broker, block, site.log, "client slow");
  CHECK(heap() - before < 4 * FlowSettings().high_water);
  // The other direction is not held up by it.
  client.send(publish("hello"));
  CHECK(broker.receive(publish("hello").size()) == publish("hello"));

  const std::string wanted = repeat(block, sent);
  std::thread rest(
      [&broker = broker, &wanted, sent] { broker.send(std::string_view(wanted).substr(sent)); });
  CHECK(client.receive(wanted.size()) == wanted);
  rest.join();
  site.log.wait("client fast");
}

TEST_CASE("relay: a client that reads nothing and is only ever refused fills no memory") {
  Site site;
  // Without keep-alive, or the gateway would speak to the broker when this takes long.
  auto [client, broker] = site.session({.keep_alive = 0});
  const std::size_t before = heap();
  // The gateway itself answers each of these, so no broker's slowness holds them up.
  std::string block;
  for (unsigned id = 1; id <= 5'000; ++id) {
    block += wire::publish({.topic = "no", .payload = "", .qos = 1, .packet_id = id});
  }
  (void)stuff(client, block, site.log, "client slow");
  CHECK(heap() - before < 8 * FlowSettings().high_water);
  CHECK_FALSE(broker.readable());
}

TEST_CASE("relay: a side that takes nothing at all for long is taken for dead") {
  Site site({.stall_timeout = std::chrono::milliseconds(100)});
  auto [client, broker] = site.session();
  const std::string block = publish(noise(30'000));
  SUBCASE("the broker") {
    (void)stuff(client, block, site.log, "broker slow");
    site.log.wait("refusal session.stalled");
    site.log.wait("end broker network_error");
    (void)client.receive_all();
  }
  SUBCASE("the client") {
    (void)stuff(broker, block, site.log, "client slow");
    site.log.wait("refusal session.stalled");
    site.log.wait("end client network_error");
    (void)broker.receive_all();
  }
  client.close();
  broker.close();
  site.log.wait("closed");
}
