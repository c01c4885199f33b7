#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "pki.h"
#include "tls/context.h"
#include "tls/engine.h"

/// Two engines back to back, and the usual certificates for them.
namespace sallyport::tls::test {

/// How many bytes go over at once. Called for each step; at least 1.
class Cut {
 public:
  virtual ~Cut() = default;
  virtual std::size_t next() { return std::numeric_limits<std::size_t>::max(); }
};

/// What one end has.
struct End {
  explicit End(Context::Ptr context) : engine(std::move(context)) {}
  Engine engine;
  Buffer plain;   // decrypted so far
  Buffer cipher;  // waits to be carried over
};

struct Pair {
  Pair(Context::Ptr server_context, Context::Ptr client_context)
      : server(std::move(server_context)), client(std::move(client_context)) {}

  End server;
  End client;

  /// Carries ciphertext both ways until nothing is left.
  void pump(Cut& cut) {
    while (!client.cipher.empty() || !server.cipher.empty()) {
      carry(client, server, cut);
      carry(server, client, cut);
    }
  }
  void pump() {
    Cut all;
    pump(all);
  }
  void shake_hands() {
    client.engine.start(client.cipher);
    server.engine.start(server.cipher);
    pump();
  }
  [[nodiscard]] bool open() const {
    return client.engine.state() == Engine::State::open &&
           server.engine.state() == Engine::State::open;
  }
  static void carry(End& from, End& to, Cut& cut) {
    Buffer moving;
    moving.swap(from.cipher);
    for (Bytes rest = moving.bytes(); !rest.empty();) {
      const std::size_t n = std::min(cut.next(), rest.size());
      // A copy of exactly this size, so that a sanitizer sees every read beyond it.
      const std::unique_ptr<std::uint8_t[]> piece(new std::uint8_t[n]);
      std::copy_n(rest.data(), n, piece.get());
      to.engine.feed({piece.get(), n}, to.plain, to.cipher);
      rest = rest.subspan(n);
    }
  }
};

/// CAs, a server certificate for "gateway.test" and 127.0.0.1, and a client certificate.
struct Pki {
  Pki();

  Folder folder;
  Issued server_ca = make_ca("Server CA");
  Issued devices_ca = make_ca("Devices CA");
  Issued other_ca = make_ca("Other CA");
  Issued device_certificate;
  std::string server_ca_file, devices_ca_file, other_ca_file;
  std::string server_file, server_key_file;
  std::string device_file, device_key_file;

  /// Writes name.crt and name.key.
  std::pair<std::string, std::string> write(std::string_view name, const Issued& issued) const;

  [[nodiscard]] ServerOptions server(ClientCertificate asked = ClientCertificate::none) const;
  [[nodiscard]] ClientOptions client() const;
  [[nodiscard]] ClientOptions device() const;  // client() with the client certificate
  /// client() with a certificate of the devices' CA that says `request`.
  [[nodiscard]] ClientOptions device(const Request& request) const;
};

/// The one of this process: keys cost time.
[[nodiscard]] const Pki& pki();

/// Fails the test, with the errors, where it does not load.
[[nodiscard]] Context::Ptr load(const ServerOptions& options);
[[nodiscard]] Context::Ptr load(const ClientOptions& options);
/// All errors in one text, a line each: "file: message".
[[nodiscard]] std::string errors_of(const Context::Result& result);

}  // namespace sallyport::tls::test
