// Every refusal before there is a session is told, once, with a name and with who it was. PROXY
// headers, end to end.

#include <string>

#include <doctest/doctest.h>

#include "site.h"
#include "support/proxy_wire.h"

using namespace sallyport;
using namespace sallyport::proxy;
using namespace sallyport::proxy::test;
using tls::ClientCertificate;
using tls::test::load;
using tls::test::pki;

namespace {

Plan behind_proxy(const std::string& network = "127.0.0.0", unsigned bits = 8) {
  Plan plan;
  plan.proxy_protocol = {AddressPrefix::of(at(network), bits)};
  return plan;
}

/// CONNECT, accepted by the broker.
void admit(Site& site, Peer& client) {
  Peer broker = site.broker.accept();
  CHECK(broker.receive(wire::connect().size()) == wire::connect());
  broker.send(wire::connack(wire::v3_1_1));
  CHECK(client.receive(4) == wire::connack(wire::v3_1_1));
}

}  // namespace

TEST_CASE("refusal: one connection too many, of a listener, an address, or the gateway") {
  Plan plan;
  std::string name;
  SUBCASE("listener") {
    plan.max_connections = 1;
    name = "connection.max";
  }
  SUBCASE("address") {
    plan.max_connections_per_address = 1;
    name = "connection.max-per-address";
  }
  SUBCASE("gateway") {
    plan.max_connections_gateway = 1;
    name = "connection.max-gateway";
  }
  Site site(std::move(plan));
  const Peer first = site.connect();
  site.log.wait("accept");
  Peer second = site.connect();
  CHECK(second.gets_end());
  site.log.wait("refusal " + name);
  CHECK(site.log.last_refusal().phase == Phase::accept);
  CHECK(site.log.last_refusal().address == "127.0.0.1");
  CHECK(site.log.last_refusal().reason == mqtt::ReasonCode::quota_exceeded);
  CHECK(site.log.count("accept") == 1);
}

TEST_CASE("refusal: a certificate that is not accepted is named, and is nobody's identity") {
  Site site(with_tls(ClientCertificate::required));
  std::string check;
  tls::test::Request request;
  request.common_names = {"device-1"};
  request.serial = 0xbad;
  request.usage = "clientAuth";
  const tls::test::Issued* issuer = &pki().devices_ca;
  SUBCASE("expired") {
    request.valid_from = -7200;
    request.valid_to = -3600;
    check = "tls.certificate-expired";
  }
  SUBCASE("of another CA") {
    issuer = &pki().other_ca;
    check = "tls.certificate-untrusted";
  }
  SUBCASE("for servers") {
    request.usage = "serverAuth";
    check = "tls.certificate-purpose";
  }
  tls::ClientOptions options = pki().client();
  std::tie(options.certificate, options.key) =
      pki().write("refused", tls::test::issue(request, issuer));
  Peer client = site.connect(load(options));
  (void)client.shake_hands();
  CHECK(client.gets_end());
  site.log.wait("refusal " + check);
  const Log::Refused refused = site.log.last_refusal();
  CHECK(refused.phase == Phase::handshake);
  CHECK(refused.address == "127.0.0.1");
  CHECK(refused.shown_name == "device-1");
  CHECK(refused.shown_serial == "0bad");
  CHECK_FALSE(refused.has_certificate);
  CHECK(site.log.count("handshake client failed") == 1);
  CHECK_FALSE(site.broker.dialled());
}

TEST_CASE("refusal: no certificate, and what is no TLS") {
  Site site(with_tls(ClientCertificate::required));
  std::string check;
  SUBCASE("none") {
    Peer client = site.connect(load(pki().client()));
    (void)client.shake_hands();
    CHECK(client.gets_end());
    check = "tls.certificate-missing";
  }
  SUBCASE("HTTP") {
    Peer client = site.connect();
    client.send("GET / HTTP/1.0\r\n\r\n");
    (void)client.receive_all();
    check = "tls.not-tls";
  }
  site.log.wait("refusal " + check);
  CHECK(site.log.last_refusal().phase == Phase::handshake);
  CHECK(site.log.last_refusal().shown_name.empty());
}

TEST_CASE("refusal: who only looks in is not refused, and who gives up is counted only") {
  Site site(with_tls(ClientCertificate::none));
  Peer client = site.connect();
  bool begun = false;
  SUBCASE("it comes and goes") { client.close(); }
  SUBCASE("it begins a handshake and goes") {
    begun = true;
    client.send(std::string("\x16\x03\x01\x02", 4));
    client.end();
  }
  site.log.wait("closed");
  CHECK(site.log.count("handshake client failed") == (begun ? 1 : 0));
  CHECK(site.log.last_refusal().address.empty());
}

TEST_CASE("handshake: what was agreed on is told") {
  Site site(with_tls(ClientCertificate::required));
  Peer client = site.connect(load(pki().device()));
  REQUIRE(client.shake_hands());
  client.send(wire::connect());
  admit(site, client);
  site.log.wait("begin");
  const Handshake handshake = site.log.last_handshake();
  CHECK(handshake.version == "TLSv1.3");
  CHECK(handshake.cipher.starts_with("TLS_"));
  CHECK(handshake.group == "X25519");
  CHECK(handshake.has_sni);
  CHECK_FALSE(handshake.resumed);
}

TEST_CASE("proxy: the address of the header is who the client is") {
  Site site(behind_proxy());
  Peer client = site.connect();
  std::string address;
  SUBCASE("version 1") {
    client.send(wire::proxy_v1(at("192.0.2.7")) + wire::connect());
    address = "192.0.2.7";
  }
  SUBCASE("version 2, IPv6, a byte at a time") {
    for (const char c : wire::proxy_v2(at("2001:db8::7"), {}) + wire::connect()) {
      client.send(std::string(1, c));
    }
    address = "2001:db8::7";
  }
  SUBCASE("version 2, of the proxy itself") {
    client.send(wire::proxy_v2(0x20, 0x00, "") + wire::connect());
    address = "127.0.0.1";
  }
  admit(site, client);
  site.log.wait("begin");
  CHECK(site.log.last().address == address);
}

TEST_CASE("proxy: TLS begins behind the header, in the same read") {
  Plan plan = behind_proxy();
  plan.listener_tls = load(pki().server(ClientCertificate::required));
  Site site(std::move(plan));
  Peer raw = site.connect();
  tls::Engine engine(load(pki().device()));
  Buffer plain;
  Buffer cipher;
  engine.start(cipher);
  raw.send(wire::proxy_v2(at("192.0.2.7")) + std::string(as_text(cipher.bytes())));
  cipher.clear();
  while (engine.state() == tls::Engine::State::opening) {
    engine.feed(as_bytes(raw.receive(1)), plain, cipher);
  }
  const std::string hello = wire::connect();
  const Bytes bytes = as_bytes(hello);
  engine.send({&bytes, 1}, cipher);
  raw.send(as_text(cipher.bytes()));
  const Peer broker = site.broker.accept();
  site.log.wait("handshake client ok");
}

TEST_CASE("proxy: what is no header, comes from elsewhere or never comes is refused") {
  Plan plan = behind_proxy();
  std::string bytes;
  std::string check = "connection.proxy-header";
  Phase phase = Phase::header;
  SUBCASE("CONNECT without a header") { bytes = wire::connect(); }
  SUBCASE("a header that is malformed") { bytes = "PROXY TCP4 192.0.2.300 1.2.3.4 1 2\r\n"; }
  SUBCASE("half a header") {
    plan.proxy_header_timeout = std::chrono::milliseconds(50);
    bytes = "PROXY TCP4 192.0";
    check = "connection.proxy-timeout";
  }
  SUBCASE("silence") {
    plan.proxy_header_timeout = std::chrono::milliseconds(50);
    check = "connection.proxy-timeout";
  }
  SUBCASE("from elsewhere") {
    plan.proxy_protocol = {AddressPrefix::of(at("10.0.0.0"), 8)};
    bytes = wire::proxy_v1(at("192.0.2.7"));
    check = "connection.proxy-untrusted";
    phase = Phase::accept;
  }
  Site site(std::move(plan));
  Peer client = site.connect();
  client.send(bytes);
  (void)client.receive_all();
  site.log.wait("refusal " + check);
  CHECK(site.log.last_refusal().phase == phase);
  CHECK(site.log.last_refusal().address == "127.0.0.1");
  CHECK(site.log.count("handshake client failed") == 0);
  CHECK_FALSE(site.broker.dialled());
}

TEST_CASE("proxy: connections are counted by the address of the header") {
  Plan plan = behind_proxy();
  plan.max_connections_per_address = 1;
  Site site(std::move(plan));
  Peer first = site.connect();
  first.send(wire::proxy_v1(at("192.0.2.7")) + wire::connect());
  admit(site, first);
  Peer other = site.connect();
  other.send(wire::proxy_v1(at("192.0.2.8")) + wire::connect());
  admit(site, other);
  Peer second = site.connect();
  second.send(wire::proxy_v1(at("192.0.2.7")) + wire::connect());
  (void)second.receive_all();
  site.log.wait("refusal connection.max-per-address");
  CHECK(site.log.last_refusal().phase == Phase::header);
  CHECK(site.log.last_refusal().address == "192.0.2.7");
}
