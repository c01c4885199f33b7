#include <array>
#include <chrono>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <malloc.h>
#include <unistd.h>

#include "proxy/relay.h"
#include "site.h"

using namespace sallyport;
using namespace sallyport::proxy;
using namespace sallyport::proxy::test;
using tls::ClientCertificate;
using tls::test::load;
using tls::test::pki;

namespace {

std::string message(std::string payload) {
  return wire::publish({.topic = "t/x", .payload = std::move(payload)});
}

}  // namespace

TEST_CASE("tls: bytes arrive both ways, in records of any cut") {
  Site site(with_tls());
  auto [client, broker] = site.session();
  site.log.wait("handshake client ok");
  std::string wanted;
  for (const std::size_t size : {1U, 16'383U, 16'384U, 16'385U, 100U, 250'000U, 0U, 60'000U}) {
    const std::string packet = message(noise(size));
    wanted += packet;
    client.send(packet);
  }
  CHECK(broker.receive(wanted.size()) == wanted);
  std::thread sender([&broker = broker, &wanted] { broker.send(wanted); });
  CHECK(client.receive(wanted.size()) == wanted);
  sender.join();
  // On the wire the client's side is larger than the broker's.
  client.close();
  CHECK(broker.gets_end());
  broker.close();
  site.server->drain(std::chrono::seconds(15));
  site.wait_stopped();  // the rest is reported then
  CHECK(site.log.received(Side::client) > site.log.sent(Side::broker));
  CHECK(site.log.sent(Side::client) > site.log.received(Side::broker));
}

TEST_CASE("tls: the certificate is who the client is") {
  Site site(with_tls(ClientCertificate::required));
  Peer client = site.connect(load(pki().device()));
  REQUIRE(client.shake_hands());
  client.send(wire::connect());
  Peer broker = site.broker.accept();
  broker.send(wire::connack(wire::v3_1_1));
  CHECK(client.receive(4) == wire::connack(wire::v3_1_1));
  const auto certificate = site.log.last().certificate;
  REQUIRE(certificate != nullptr);
  CHECK_FALSE(certificate->common_name.empty());
}

TEST_CASE("tls: no certificate where one is asked for is the end, and nothing is dialled") {
  Site site(with_tls(ClientCertificate::required));
  Peer client = site.connect(load(pki().client()));
  // In TLS 1.3 the client is done before the server has seen that there is none.
  (void)client.shake_hands();
  client.send(wire::connect());
  CHECK(client.gets_end());
  CHECK(client.tls().state() == tls::Engine::State::failed);
  CHECK_FALSE(client.was_reset());
  CHECK_FALSE(site.broker.dialled());
  site.log.wait("handshake client failed");
}

// The record that cannot be decrypted ends the connection and takes the certificate away. A CONNECT
// in the same read was decrypted before it: nobody may judge it as of a client without a
// certificate.
TEST_CASE("tls: nothing of a read in which TLS failed reaches the session") {
  Site site(with_tls(ClientCertificate::required));
  Peer raw = site.connect();
  tls::Engine client(load(pki().device()));
  Buffer plain;
  Buffer cipher;
  client.start(cipher);
  raw.send(as_text(cipher.bytes()));
  cipher.clear();
  while (client.state() == tls::Engine::State::opening) {
    client.feed(as_bytes(raw.receive(1)), plain, cipher);
  }
  REQUIRE(client.state() == tls::Engine::State::open);
  const std::string hello = wire::connect();
  const std::array<Bytes, 1> segments = {as_bytes(hello)};
  client.send(segments, cipher);
  const std::string bad_record = std::string("\x17\x03\x03\x00\x20", 5) + noise(32);
  // One segment: the last flight of the handshake, CONNECT, and the bad record.
  raw.send(std::string(as_text(cipher.bytes())) + bad_record);
  (void)raw.receive_all();
  site.log.wait("closed");
  CHECK(site.log.count("handshake client failed") == 1);
  CHECK(site.log.count("refusal tls.bad-record") == 1);
  CHECK(site.log.count("end client tls_error") == 0);  // no session was made
  CHECK_FALSE(site.broker.dialled());
}

TEST_CASE("tls: what is no TLS is the end") {
  Plan plan = with_tls();
  plan.bounds.connect_timeout = std::chrono::milliseconds(50);
  Site site(std::move(plan));
  Peer client = site.connect();
  SUBCASE("MQTT") { client.send(wire::connect()); }
  SUBCASE("HTTP") { client.send("GET / HTTP/1.1\r\n\r\n"); }
  SUBCASE("noise") { client.send(noise(5'000)); }
  SUBCASE("nothing") {}
  SUBCASE("the beginning of a record") { client.send(std::string("\x16\x03\x01\x02", 4)); }
  (void)client.receive_all();
  site.log.wait("handshake client failed");
  CHECK_FALSE(site.broker.dialled());
  CHECK(site.log.count("dial ok") == 0);
}

TEST_CASE("tls: the time for CONNECT counts from accept, handshake and all") {
  Plan plan = with_tls();
  plan.bounds.connect_timeout = std::chrono::milliseconds(300);
  Site site(std::move(plan));
  Peer client = site.connect(load(pki().client()));
  REQUIRE(client.shake_hands());
  CHECK(client.gets_end());
  site.log.wait("end client connect_timeout");
}

TEST_CASE("tls: bytes that came with CONNECT wait decrypted and are not forgotten") {
  Site site(with_tls());
  Peer client = site.connect(load(pki().client()));
  REQUIRE(client.shake_hands());
  const std::string hello = wire::connect();
  const std::string more = message("one") + message(noise(40'000)) + message("three");
  client.send(hello + more);
  // close_notify comes in the same read as the rest: it must not overtake what waits. Who has said
  // it is not answered any more.
  bool stays = false;
  SUBCASE("the client stays") { stays = true; }
  SUBCASE("the client ends at once") { client.end(); }
  Peer broker = site.broker.accept();
  CHECK(broker.receive(hello.size()) == hello);
  CHECK_FALSE(broker.readable());
  broker.send(wire::connack(wire::v3_1_1));
  CHECK(broker.receive(more.size()) == more);
  if (stays) {
    CHECK(client.receive(4) == wire::connack(wire::v3_1_1));
    client.end();
  }
  CHECK(broker.gets_end());
}

TEST_CASE("tls: a refusal arrives whole, with close_notify behind it") {
  Site site(with_tls());
  site.broker.stop();
  Peer client = site.connect(load(pki().client()));
  REQUIRE(client.shake_hands());
  client.send(wire::connect() + message(noise(100'000)));
  CHECK(client.receive_all() == wire::connack(wire::v3_1_1, 3));
  CHECK(client.tls().state() == tls::Engine::State::peer_closed);
  CHECK_FALSE(client.was_reset());
}

TEST_CASE("tls: a slow client holds no more than it may, and nothing is lost") {
  Site site(with_tls());
  auto [client, broker] = site.session();
  const std::size_t before = mallinfo2().uordblks;
  const std::string block = message(noise(30'000));
  std::size_t sent = 0;
  while (site.log.count("client slow") == 0) {
    sent += broker.send_some(std::string_view(block).substr(sent % block.size()));
  }
  CHECK(mallinfo2().uordblks - before < 6 * FlowSettings().high_water);
  std::string wanted;
  while (wanted.size() < sent) wanted += block;
  std::thread rest(
      [&broker = broker, &wanted, sent] { broker.send(std::string_view(wanted).substr(sent)); });
  CHECK(client.receive(wanted.size()) == wanted);
  rest.join();
}

TEST_CASE("tls: the broker's side, by name and verified") {
  Site site({.broker_tls = load(pki().client())});
  Peer client = site.connect();
  client.send(wire::connect());
  Peer broker = site.broker.accept(load(pki().server()));
  REQUIRE(broker.shake_hands());
  CHECK(broker.receive(wire::connect().size()) == wire::connect());
  broker.send(wire::connack(wire::v3_1_1));
  CHECK(client.receive(4) == wire::connack(wire::v3_1_1));
  const std::string packet = message(noise(100'000));
  client.send(packet);
  CHECK(broker.receive(packet.size()) == packet);
  broker.send(packet);
  CHECK(client.receive(packet.size()) == packet);
  site.log.wait("handshake broker ok");
  site.log.wait("dial ok");
  SUBCASE("the client leaves") {
    client.end();
    CHECK(broker.gets_end());
    CHECK(broker.tls().state() == tls::Engine::State::peer_closed);
  }
  SUBCASE("the broker leaves") {
    broker.end();
    CHECK(client.gets_end());
    site.log.wait("end broker closed");
  }
  SUBCASE("the broker sends what is no TLS") {
    Peer raw(net::Socket(::dup(broker.fd())));
    raw.send(noise(100));
    CHECK(client.gets_end());
    site.log.wait("end broker tls_error");
  }
}

TEST_CASE("tls: a broker that is not who it should be is no broker") {
  tls::ClientOptions options = pki().client();
  Plan plan;
  plan.broker_connect_timeout = std::chrono::milliseconds(300);
  SUBCASE("a certificate of somebody else's") {
    options.ca = pki().other_ca_file;
    plan.broker_tls = load(options);
    Site site(std::move(plan));
    Peer client = site.connect();
    client.send(wire::connect());
    Peer broker = site.broker.accept(load(pki().server()));
    (void)broker.shake_hands();
    CHECK(broker.gets_end());
    CHECK(client.receive_all() == wire::connack(wire::v3_1_1, 3));
    site.log.wait("handshake broker failed");
    site.log.wait("dial failed");
  }
  SUBCASE("no TLS at all") {
    plan.broker_tls = load(options);
    Site site(std::move(plan));
    Peer client = site.connect();
    client.send(wire::connect());
    Peer broker = site.broker.accept();
    broker.send(wire::connack(wire::v3_1_1));
    CHECK(client.receive_all() == wire::connack(wire::v3_1_1, 3));
    // The client's password has not gone out.
    CHECK(broker.receive_all().find("MQTT") == std::string::npos);
    site.log.wait("handshake broker failed");
  }
  SUBCASE("it never says a word") {
    plan.broker_tls = load(options);
    Site site(std::move(plan));
    Peer client = site.connect();
    client.send(wire::connect());
    const Peer broker = site.broker.accept();
    CHECK(client.receive_all() == wire::connack(wire::v3_1_1, 3));
    site.log.wait("handshake broker failed");
    site.log.wait("dial failed");
  }
  SUBCASE("it closes in the middle") {
    plan.broker_tls = load(options);
    Site site(std::move(plan));
    Peer client = site.connect();
    client.send(wire::connect());
    Peer broker = site.broker.accept();
    (void)broker.receive(10);
    broker.close();
    CHECK(client.receive_all() == wire::connack(wire::v3_1_1, 3));
  }
}

TEST_CASE("tls: a certificate is judged by what is in force when its handshake ends") {
  Site site(with_tls(ClientCertificate::required));
  Peer early = site.connect(load(pki().device()));
  early.begin_handshake();
  site.log.wait("accept");
  Snapshot next = site.snapshot();
  auto listener = std::make_shared<ListenerSettings>(*next.listeners[0]);
  tls::ServerOptions options = pki().server(ClientCertificate::required);
  options.client_ca = pki().other_ca_file;
  listener->tls = load(options);
  next.listeners[0] = listener;
  site.reload(next);
  // Its own context has the CA still.
  static_cast<void>(early.shake_hands());
  site.log.wait("refusal tls.certificate-untrusted");
  CHECK(site.log.last_refusal().phase == Phase::handshake);
  CHECK(site.log.last_refusal().shown_name == "sensor-7");
  CHECK_FALSE(site.broker.dialled());
}
