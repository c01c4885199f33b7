#include <atomic>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "pair.h"
#include "raw_client.h"

using namespace sallyport;
using namespace sallyport::tls;
using namespace sallyport::tls::test;

namespace {

using State = Engine::State;

/// The server's state after a handshake, with its reason: "open", or "failed: ...".
std::string outcome(const End& end) {
  switch (end.engine.state()) {
    case State::open:
      return "open";
    case State::failed:
      return "failed: " + std::string(end.engine.failure().text);
    case State::opening:
      return "opening";
    case State::passed:  // not of an engine
      break;
    case State::peer_closed:
      return "peer closed";
  }
  return "?";
}

Request device_named(std::string name) {
  Request request;
  request.common_names = {std::move(name)};
  request.usage = "clientAuth";
  return request;
}

const std::string kUnknownIssuer =
    "failed: peer's certificate was not issued by a CA of the configured bundle";

}  // namespace

TEST_CASE("client certificates: none, optional, required") {
  struct Case {
    ClientCertificate asked;
    bool shown;
    std::string expected;
    bool identified;
  };
  const Case cases[] = {
      {ClientCertificate::none, false, "open", false},
      {ClientCertificate::none, true, "open", false},
      {ClientCertificate::optional, false, "open", false},
      {ClientCertificate::optional, true, "open", true},
      {ClientCertificate::required, false, "failed: peer showed no certificate", false},
      {ClientCertificate::required, true, "open", true},
  };
  for (const std::uint16_t version : kVersions) {
    for (const Case& one : cases) {
      CAPTURE(version);
      CAPTURE(static_cast<int>(one.asked));
      CAPTURE(one.shown);
      const Context::Ptr client = load(one.shown ? pki().device() : pki().client());
      REQUIRE(SSL_CTX_set_max_proto_version(client->native(), version) == 1);
      Pair pair(load(pki().server(one.asked)), client);
      pair.shake_hands();
      CHECK(outcome(pair.server) == one.expected);
      CHECK((pair.server.engine.peer_certificate() != nullptr) == one.identified);
      CHECK(pair.client.engine.peer_certificate() == nullptr);
      // The client hears of it: in TLS 1.3 after it thought that all was well.
      if (pair.server.engine.state() == State::failed) {
        CHECK(pair.client.engine.state() == State::failed);
        CHECK(pair.client.engine.failure().text.starts_with("peer's alert: "));
      }
    }
  }
}

TEST_CASE("client certificates that do not verify are refused, optional or not") {
  const Issued foreign = issue(device_named("sensor-7"), &pki().other_ca);
  Request old = device_named("sensor-7");
  old.valid_from = -7200;
  old.valid_to = -3600;
  Request young = device_named("sensor-7");
  young.valid_from = 1800;
  Request for_servers = device_named("sensor-7");
  for_servers.usage = "serverAuth";
  const Issued self_signed = issue(device_named("sensor-7"), nullptr);
  // A device that issues certificates itself.
  const Issued device = issue(device_named("sensor-7"), &pki().devices_ca);
  const Issued grandchild = issue(device_named("admin"), &device);

  struct Case {
    std::string what;
    std::string pem, key_pem;
    std::string expected;
  };
  const Issued expired = issue(old, &pki().devices_ca);
  const Issued not_yet = issue(young, &pki().devices_ca);
  const Issued wrong_purpose = issue(for_servers, &pki().devices_ca);
  const Case cases[] = {
      {"another CA", foreign.pem(), foreign.key_pem(), kUnknownIssuer},
      {"another CA, sent along", foreign.pem() + pki().other_ca.pem(), foreign.key_pem(),
       kUnknownIssuer},
      {"self-signed", self_signed.pem(), self_signed.key_pem(), kUnknownIssuer},
      {"expired", expired.pem(), expired.key_pem(),
       "failed: peer's certificate, or one of its chain, has expired"},
      {"not yet valid", not_yet.pem(), not_yet.key_pem(),
       "failed: peer's certificate, or one of its chain, is not valid yet"},
      {"for servers", wrong_purpose.pem(), wrong_purpose.key_pem(),
       "failed: peer's certificate may not be used for this purpose (extended key usage)"},
      {"issued by a device", grandchild.pem() + device.pem(), grandchild.key_pem(),
       "failed: peer's certificate was issued by a certificate that may not issue it "
       "(basicConstraints)"},
  };
  for (const ClientCertificate asked : {ClientCertificate::optional, ClientCertificate::required}) {
    const Context::Ptr server = load(pki().server(asked));
    for (const Case& one : cases) {
      CAPTURE(one.what);
      ClientOptions options = pki().client();
      options.certificate = pki().folder.write("bad.crt", one.pem);
      options.key = pki().folder.write("bad.key", one.key_pem);
      Pair pair(server, load(options));
      pair.shake_hands();
      CHECK(outcome(pair.server) == one.expected);
      CHECK(pair.server.engine.peer_certificate() == nullptr);
      CHECK(pair.client.engine.state() == State::failed);
    }
  }
}

TEST_CASE("a chain that is too long is called so, not foreign") {
  std::vector<Issued> chain;
  chain.push_back(issue({.common_names = {"CA 0"}, .is_ca = true}, &pki().devices_ca));
  for (int i = 1; i < 10; ++i) {
    chain.push_back(
        issue({.common_names = {"CA " + std::to_string(i)}, .is_ca = true}, &chain.back()));
  }
  const Issued device = issue(device_named("sensor-9"), &chain.back());
  std::string pem = device.pem();
  for (auto one = chain.rbegin(); one != chain.rend(); ++one) pem += one->pem();
  ClientOptions options = pki().client();
  options.key = pki().folder.write("long.key", device.key_pem());
  options.certificate = pki().folder.write("long.crt", pem);
  Pair pair(load(pki().server(ClientCertificate::required)), load(options));
  pair.shake_hands();
  CHECK(outcome(pair.server) ==
        "failed: peer's certificate chain has more CAs between its certificate and the bundle than "
        "max_chain");
}

TEST_CASE("a chain with an intermediate CA") {
  const Issued middle = issue({.common_names = {"Plant 3 CA"}, .is_ca = true}, &pki().devices_ca);
  const Issued device = issue(device_named("sensor-9"), &middle);
  ClientOptions options = pki().client();
  options.key = pki().folder.write("chained.key", device.key_pem());

  SUBCASE("sent by the client, the root in the bundle") {
    options.certificate = pki().folder.write("chained.crt", device.pem() + middle.pem());
    Pair pair(load(pki().server(ClientCertificate::required)), load(options));
    pair.shake_hands();
    CHECK(outcome(pair.server) == "open");
  }
  SUBCASE("not sent") {
    options.certificate = pki().folder.write("chained.crt", device.pem());
    Pair pair(load(pki().server(ClientCertificate::required)), load(options));
    pair.shake_hands();
    CHECK(outcome(pair.server) == kUnknownIssuer);
  }
  SUBCASE("alone in the bundle: trusts what it issued and nothing else") {
    options.certificate = pki().folder.write("chained.crt", device.pem());
    ServerOptions server = pki().server(ClientCertificate::required);
    server.client_ca = pki().folder.write("middle.crt", middle.pem());
    const Context::Ptr context = load(server);
    Pair pair(context, load(options));
    pair.shake_hands();
    CHECK(outcome(pair.server) == "open");
    Pair other(context, load(pki().device()));
    other.shake_hands();
    CHECK(outcome(other.server) == kUnknownIssuer);
  }
}

TEST_CASE("every key type may stand in a client certificate") {
  for (const KeyType type : {KeyType::p256, KeyType::rsa2048, KeyType::ed25519}) {
    CAPTURE(static_cast<int>(type));
    Request request = device_named("sensor-7");
    request.key = type;
    Pair pair(load(pki().server(ClientCertificate::required)), load(pki().device(request)));
    pair.shake_hands();
    CHECK(outcome(pair.server) == "open");
  }
}

TEST_CASE("every key type may stand in the server's certificate") {
  for (const KeyType type : {KeyType::p256, KeyType::rsa2048, KeyType::ed25519}) {
    for (const std::uint16_t version : kVersions) {
      CAPTURE(static_cast<int>(type));
      CAPTURE(version);
      ServerOptions options = pki().server();
      std::tie(options.certificate, options.key) = pki().write(
          "typed",
          issue({.common_names = {"x"}, .dns = {"gateway.test"}, .key = type}, &pki().server_ca));
      const Context::Ptr client = load(pki().client());
      REQUIRE(SSL_CTX_set_max_proto_version(client->native(), version) == 1);
      Pair pair(load(options), client);
      pair.shake_hands();
      CHECK(outcome(pair.server) == "open");
    }
  }
}

TEST_CASE("the broker must be who it is said to be") {
  const std::string kWrongName =
      "failed: broker's certificate does not carry the expected name as a subject alternative "
      "name; set server_name in [broker.tls] to one that it carries";
  const std::string kWrongAddress =
      "failed: broker's certificate does not carry the expected address as a subject alternative "
      "name; set server_name in [broker.tls] to a name that it carries";
  struct Case {
    std::string server_name;
    std::string expected;
  };
  const Case cases[] = {
      {"gateway.test", "open"},     {"gateway.test.", "open"},  {"GATEWAY.test", "open"},
      {"127.0.0.1", "open"},        {"a.wild.test", "open"},    {"a.b.wild.test", kWrongName},
      {"wild.test", kWrongName},    {"other.test", kWrongName}, {"x.gateway.test", kWrongName},
      {"gateway", kWrongName},  // the common name, which does not count
      {"127.0.0.2", kWrongAddress}, {"::1", kWrongAddress},
  };
  const Context::Ptr server = load(pki().server());
  for (const std::uint16_t version : kVersions) {
    for (const Case& one : cases) {
      CAPTURE(version);
      CAPTURE(one.server_name);
      ClientOptions options = pki().client();
      options.server_name = one.server_name;
      const Context::Ptr client = load(options);
      REQUIRE(SSL_CTX_set_max_proto_version(client->native(), version) == 1);
      Pair pair(server, client);
      pair.shake_hands();
      CHECK(outcome(pair.client) == one.expected);
      CHECK((pair.server.engine.state() == State::open) == (outcome(pair.client) == "open"));
    }
  }
}

TEST_CASE("the broker's certificate must chain to the CA, be valid and be for servers") {
  struct Case {
    std::string what;
    Request request;
    const Issued* issuer;
    std::string expected;
  };
  const Request fine{.common_names = {"x"}, .dns = {"gateway.test"}};
  Request old = fine;
  old.valid_from = -7200;
  old.valid_to = -3600;
  Request for_clients = fine;
  for_clients.usage = "clientAuth";
  Request many_names = fine;  // a public broker has many, and nobody reads them
  for (int i = 0; i < 100; ++i) many_names.dns.push_back("n" + std::to_string(i) + ".test");
  const Case cases[] = {
      {"fine", fine, &pki().server_ca, "open"},
      {"many names", many_names, &pki().server_ca, "open"},
      {"another CA", fine, &pki().other_ca, kUnknownIssuer},
      {"self-signed", fine, nullptr, kUnknownIssuer},
      {"expired", old, &pki().server_ca,
       "failed: peer's certificate, or one of its chain, has expired"},
      {"for clients", for_clients, &pki().server_ca,
       "failed: peer's certificate may not be used for this purpose (extended key usage)"},
  };
  const Context::Ptr client = load(pki().client());
  for (const Case& one : cases) {
    CAPTURE(one.what);
    ServerOptions options = pki().server();
    std::tie(options.certificate, options.key) =
        pki().write("broker", issue(one.request, one.issuer));
    Pair pair(load(options), client);
    pair.shake_hands();
    CHECK(outcome(pair.client) == one.expected);
    if (pair.client.engine.state() != State::open) {
      CHECK(pair.server.engine.state() == State::failed);  // the alert came
    }
  }
}

TEST_CASE("a self-signed broker certificate may be trusted by itself") {
  const Issued broker = issue({.common_names = {"x"}, .dns = {"gateway.test"}}, nullptr);
  ServerOptions server = pki().server();
  std::tie(server.certificate, server.key) = pki().write("pinned", broker);
  ClientOptions client = pki().client();
  client.ca = server.certificate;
  Pair pair(load(server), load(client));
  pair.shake_hands();
  CHECK(outcome(pair.client) == "open");
  Pair other(load(pki().server()), load(client));
  other.shake_hands();
  CHECK(outcome(other.client) == kUnknownIssuer);
}

TEST_CASE("names are sent as SNI, addresses are not") {
  for (const char* name : {"gateway.test", "127.0.0.1"}) {
    CAPTURE(name);
    ClientOptions options = pki().client();
    options.server_name = name;
    End client(load(options));
    client.engine.start(client.cipher);
    const bool sent = as_text(client.cipher.bytes()).find(name) != std::string_view::npos;
    CHECK(sent == (std::string_view(name) == "gateway.test"));
  }
}

TEST_CASE("the server tells clients which CAs it takes") {
  RawClient client(load(pki().server(ClientCertificate::required)));
  client.use(pki().device_certificate.der(), pki().device_certificate.key.get());
  static_cast<void>(SSL_do_handshake(client.ssl()));
  client.carry();
  // The callback runs where a certificate is wanted; CA names are kept until then only.
  static std::size_t names = 0;
  names = 0;
  SSL_set_cert_cb(
      client.ssl(),
      [](SSL* ssl, void*) {
        const STACK_OF(CRYPTO_BUFFER)* list = SSL_get0_server_requested_CAs(ssl);
        names = list == nullptr ? 0 : sk_CRYPTO_BUFFER_num(list);
        return 1;
      },
      nullptr);
  client.shake_hands();
  CHECK(outcome(client.server) == "open");
  CHECK(names == 1);
}

TEST_CASE("a bundle of very many CAs is not announced, and works") {
  std::string bundle;
  for (int i = 0; i < 150; ++i) {
    bundle += make_ca("A CA with a rather long name, number " + std::to_string(i)).pem();
  }
  ServerOptions options = pki().server(ClientCertificate::required);
  options.client_ca = pki().folder.write("many-cas.crt", bundle + pki().devices_ca.pem());
  Pair pair(load(options), load(pki().device()));
  pair.client.engine.start(pair.client.cipher);
  Cut all;
  Pair::carry(pair.client, pair.server, all);
  CHECK(pair.server.cipher.size() < 2048);
  pair.pump();
  CHECK(outcome(pair.server) == "open");
}

TEST_CASE("threads share a context") {
  const Context::Ptr server = load(pki().server(ClientCertificate::required));
  const Context::Ptr client = load(pki().device());
  std::atomic<int> open = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n) {
        Pair pair(server, client);
        pair.shake_hands();
        if (pair.open() && pair.server.engine.peer_certificate() != nullptr) ++open;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(open == 80);
}

TEST_CASE("the lowest TLS version is kept") {
  ServerOptions options = pki().server();
  options.min_version = ProtocolVersion::tls1_3;
  const Context::Ptr client = load(pki().client());
  REQUIRE(SSL_CTX_set_max_proto_version(client->native(), TLS1_2_VERSION) == 1);
  Pair pair(load(options), client);
  pair.shake_hands();
  CHECK(outcome(pair.server) == "failed: peer offers no TLS version that is allowed here");
  CHECK(outcome(pair.client) == "failed: peer's alert: no TLS version in common");

  RawClient old(load(pki().server()), TLS1_1_VERSION);
  old.shake_hands();
  CHECK(outcome(old.server) == "failed: peer offers no TLS version that is allowed here");
}
