#include <doctest/doctest.h>

#include "pair.h"
#include "raw_client.h"

using namespace sallyport;
using namespace sallyport::tls;
using namespace sallyport::tls::test;

namespace {
std::shared_ptr<RawClient> connect(const Context::Ptr& server, std::uint16_t version,
                                   bool with_certificate, SSL_SESSION* session = nullptr) {
  auto client = std::make_shared<RawClient>(server, version);
  if (with_certificate) {
    client->use(pki().device_certificate.der(), pki().device_certificate.key.get());
  }
  if (session != nullptr) SSL_set_session(client->ssl(), session);
  client->shake_hands();
  return client;
}
}  // namespace

TEST_CASE("without client certificates a device may resume, within one context") {
  for (const std::uint16_t version : kVersions) {
    CAPTURE(version);
    const Context::Ptr context = load(pki().server());
    const auto first = connect(context, version, false);
    REQUIRE(first->server.engine.state() == Engine::State::open);
    REQUIRE(first->session != nullptr);
    const auto second = connect(context, version, false, first->session.get());
    CHECK(second->server.engine.state() == Engine::State::open);
    CHECK(SSL_session_reused(second->ssl()) == 1);

    // A reload makes new keys for tickets: the old ticket is worth nothing, and does no harm.
    const auto third = connect(load(pki().server()), version, false, first->session.get());
    CHECK(third->server.engine.state() == Engine::State::open);
    CHECK(SSL_session_reused(third->ssl()) == 0);
  }
}

TEST_CASE("where client certificates are asked for nothing is resumed") {
  for (const std::uint16_t version : kVersions) {
    for (const ClientCertificate asked :
         {ClientCertificate::optional, ClientCertificate::required}) {
      CAPTURE(version);
      const Context::Ptr context = load(pki().server(asked));
      const auto first = connect(context, version, true);
      REQUIRE(first->server.engine.state() == Engine::State::open);
      CHECK(first->server.engine.peer_certificate() != nullptr);
      CHECK(first->session == nullptr);  // no ticket came

      // A ticket from a context that asks for none opens no door either.
      const auto other = connect(load(pki().server()), version, false);
      REQUIRE(other->session != nullptr);
      const auto second = connect(context, version, false, other->session.get());
      CHECK(SSL_session_reused(second->ssl()) == 0);
      CHECK((second->server.engine.state() == Engine::State::open) ==
            (asked == ClientCertificate::optional));
      CHECK(second->server.engine.peer_certificate() == nullptr);
    }
  }
}

TEST_CASE("a session with a client certificate does not outlive a change of the CA") {
  const Context::Ptr before = load(pki().server(ClientCertificate::required));
  ServerOptions options = pki().server(ClientCertificate::required);
  options.client_ca = pki().other_ca_file;
  const Context::Ptr after = load(options);
  for (const std::uint16_t version : kVersions) {
    CAPTURE(version);
    const auto first = connect(before, version, true);
    REQUIRE(first->server.engine.state() == Engine::State::open);
    // The client offers whatever it has of its first connection.
    const bssl::UniquePtr<SSL_SESSION> kept(SSL_get1_session(first->ssl()));
    const auto second = connect(after, version, true, kept.get());
    CHECK(second->server.engine.state() == Engine::State::failed);
  }
}

TEST_CASE("key updates are followed, and a flood of them ends the connection") {
  RawClient client(load(pki().server()));
  client.shake_hands();
  REQUIRE(client.server.engine.state() == Engine::State::open);
  const auto write = [&](std::string_view text) {
    return SSL_write(client.ssl(), text.data(), static_cast<int>(text.size()));
  };

  REQUIRE(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
  REQUIRE(write("under new keys") > 0);
  client.carry();
  CHECK(as_text(client.server.plain.bytes()) == "under new keys");
  // The answer, under the server's new keys.
  const std::array<Bytes, 1> answer = {as_bytes("so do I")};
  client.server.engine.send(answer, client.server.cipher);
  client.carry();
  char text[16] = {};
  CHECK(SSL_read(client.ssl(), text, sizeof text) == 7);
  CHECK(std::string_view(text) == "so do I");

  int updates = 0;
  while (client.server.engine.state() == Engine::State::open && updates < 1000) {
    REQUIRE(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    static_cast<void>(SSL_do_handshake(client.ssl()));
    static_cast<void>(SSL_write(client.ssl(), "", 0));
    const std::size_t before = client.server.plain.size();
    client.carry();
    CHECK(client.server.plain.size() == before);
    ++updates;
  }
  CHECK(client.server.engine.state() == Engine::State::failed);
  CHECK(client.server.engine.failure().text == "a flood of records without data");
  CHECK(updates <= 64);
}
