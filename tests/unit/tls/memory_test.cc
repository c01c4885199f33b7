#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <malloc.h>
#include <openssl/ssl.h>

#include "pair.h"

using namespace sallyport;
using namespace sallyport::tls;
using namespace sallyport::tls::test;

namespace {

/// Bytes that malloc has given out, with its own overhead. 0: a sanitizer's malloc, which does not
/// say.
std::size_t in_use() { return ::mallinfo2().uordblks; }

enum class Kept : std::uint8_t { server, client };

/// Bytes for each idle engine: after a handshake and a message in both directions, with the buffers
/// released, as a worker has it.
std::size_t per_engine(const Context::Ptr& server, const Context::Ptr& client, Kept kept) {
  constexpr std::size_t kWarmUp = 20;  // fills the allocator's caches
  constexpr std::size_t kCount = 200;
  std::vector<std::unique_ptr<Engine>> engines;
  engines.reserve(kWarmUp + kCount);
  Buffer to_server, to_client, plain;
  const std::array<Bytes, 1> words = {as_bytes("some words")};
  std::size_t before = 0;
  for (std::size_t i = 0; i < kWarmUp + kCount; ++i) {
    if (i == kWarmUp) before = in_use();
    auto at_server = std::make_unique<Engine>(server);
    auto at_client = std::make_unique<Engine>(client);
    at_client->start(to_server);
    while (!to_server.empty() || !to_client.empty()) {
      at_server->feed(to_server.bytes(), plain, to_client);
      to_server.clear();
      at_client->feed(to_client.bytes(), plain, to_server);
      to_client.clear();
    }
    REQUIRE(at_server->state() == Engine::State::open);
    REQUIRE(at_client->state() == Engine::State::open);
    at_client->send(words, to_server);
    at_server->feed(to_server.bytes(), plain, to_client);
    to_server.clear();
    at_server->send(words, to_client);
    at_client->feed(to_client.bytes(), plain, to_server);
    to_client.clear();
    plain.clear();
    engines.push_back(std::move(kept == Kept::server ? at_server : at_client));
  }
  return (in_use() - before) / kCount;
}

}  // namespace

TEST_CASE("an idle engine costs little more than BoringSSL's own state") {
  if (in_use() == 0) {
    MESSAGE("not measured: this malloc does not count");
    return;
  }
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const ClientCertificate asked : {ClientCertificate::none, ClientCertificate::required}) {
      for (const Kept kept : {Kept::server, Kept::client}) {
        const Context::Ptr client = load(pki().device());
        REQUIRE(SSL_CTX_set_max_proto_version(client->native(),
                                              static_cast<std::uint16_t>(version)) == 1);
        const std::size_t bytes = per_engine(load(pki().server(asked)), client, kept);
        std::string what = kept == Kept::server ? "server" : "client";
        what += version == TLS1_3_VERSION ? ", TLS 1.3" : ", TLS 1.2";
        what += asked == ClientCertificate::none ? "" : ", client certificate";
        MESSAGE(what << ": " << bytes << " bytes");
        CHECK(bytes < std::size_t{4} * 1024 + 512);
      }
    }
  }
}
