#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include <openssl/base.h>

#include "sallyport/bytes.h"
#include "sallyport/identity.h"

#include "tls/errors.h"

/// Where BoringSSL reads and writes during one call of an Engine.
namespace sallyport::tls {

class Context;

/// Lives on the stack of one Engine call. BoringSSL's callbacks find it through the BIO, so nothing
/// of it has to be kept between calls.
struct Transport {
  Bytes in = {};          // ciphertext not taken yet
  Buffer* out = nullptr;  // where ciphertext goes
  // Whose CAs a peer's certificate must chain to: the connection's own context, or the one that a
  // callback has chosen for the name that the client asked for.
  const Context* context = nullptr;
  std::shared_ptr<const Certificate>* peer = nullptr;  // where a client's names go
  Failure failure = {};  // why a certificate was refused; empty text: it was not
  /// What a peer's chain of certificates says: the end of what ends first. Epoch: none was shown.
  std::chrono::system_clock::time_point chain_end = {};
  /// Bytes of plaintext in a record, as a ClientHello asks for; 0: it does not.
  std::uint16_t record = 0;
};

/// The method of BIOs that read and write through a Transport. Null: out of memory.
[[nodiscard]] bssl::UniquePtr<BIO_METHOD> make_bio_method();

/// Attaches a Transport to a connection for as long as it lives.
class Attached final {
 public:
  Attached(SSL* ssl, Transport& transport);
  ~Attached();
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

 private:
  BIO* bio_;
};

/// The Transport that is attached now. Never null inside a callback.
[[nodiscard]] Transport* transport_of(const SSL* ssl);

}  // namespace sallyport::tls
