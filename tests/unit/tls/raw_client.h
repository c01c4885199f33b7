#pragma once

#include <array>

#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include "pair.h"

namespace sallyport::tls::test {

/// All that are spoken.
inline constexpr std::uint16_t kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/// A client made of BoringSSL alone, for what an Engine never does: resume, update keys, speak
/// TLS 1.2 only. It trusts everybody.
class RawClient final {
 public:
  explicit RawClient(Context::Ptr server_context, std::uint16_t version = TLS1_3_VERSION)
      : server(std::move(server_context)), ctx_(SSL_CTX_new(TLS_with_buffers_method())) {
    SSL_CTX_set_min_proto_version(ctx_.get(), version);
    SSL_CTX_set_max_proto_version(ctx_.get(), version);
    SSL_CTX_set_session_cache_mode(ctx_.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_set_custom_verify(ctx_.get(), SSL_VERIFY_PEER,
                              [](SSL*, std::uint8_t*) { return ssl_verify_ok; });
    SSL_CTX_sess_set_new_cb(ctx_.get(), [](SSL* ssl, SSL_SESSION* ticket) {
      auto* self = static_cast<RawClient*>(SSL_get_app_data(ssl));
      self->session.reset(ticket);
      return 1;  // it is ours
    });
    ssl_.reset(SSL_new(ctx_.get()));
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
    SSL_set_connect_state(ssl_.get());
  }

  /// Shows this certificate, whatever it says.
  void use(std::string_view der, EVP_PKEY* key) {
    const bssl::UniquePtr<CRYPTO_BUFFER> leaf(
        CRYPTO_BUFFER_new(reinterpret_cast<const std::uint8_t*>(der.data()), der.size(), nullptr));
    CRYPTO_BUFFER* const chain[] = {leaf.get()};
    REQUIRE(SSL_set_chain_and_key(ssl_.get(), chain, 1, key, nullptr) == 1);
  }

  [[nodiscard]] SSL* ssl() { return ssl_.get(); }

  /// Until neither side has anything to say.
  void shake_hands() {
    for (int i = 0; i < 8; ++i) {
      static_cast<void>(SSL_do_handshake(ssl_.get()));
      carry();
    }
    // BoringSSL sends a server's tickets with its first data.
    const std::array<Bytes, 1> data = {as_bytes("!")};
    server.engine.send(data, server.cipher);
    carry();
    char byte = 0;
    static_cast<void>(SSL_read(ssl_.get(), &byte, 1));
  }
  /// Ciphertext of both sides to the other one.
  void carry() {
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;
    REQUIRE(BIO_mem_contents(SSL_get_wbio(ssl_.get()), &data, &size) == 1);
    server.engine.feed({data, size}, server.plain, server.cipher);
    static_cast<void>(BIO_reset(SSL_get_wbio(ssl_.get())));
    const Bytes back = server.cipher.bytes();
    if (!back.empty()) {
      REQUIRE(BIO_write(SSL_get_rbio(ssl_.get()), back.data(), static_cast<int>(back.size())) > 0);
    }
    server.cipher.clear();
  }

  End server;
  bssl::UniquePtr<SSL_SESSION> session;  // the last ticket that came

 private:
  bssl::UniquePtr<SSL_CTX> ctx_;
  bssl::UniquePtr<SSL> ssl_;
};

}  // namespace sallyport::tls::test
