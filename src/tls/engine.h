#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <openssl/base.h>

#include "sallyport/bytes.h"
#include "sallyport/identity.h"

#include "tls/context.h"
#include "tls/errors.h"
#include "transport/layer.h"

namespace sallyport::tls {

struct Transport;

/// One TLS connection without a socket: ciphertext in, plaintext out, and back. It reads straight
/// from the bytes it is given and writes straight into the caller's buffers, which a worker shares
/// between all its connections; between calls an idle engine holds BoringSSL's own state only,
/// and the beginning of a record (at most 17 KiB) where one was cut. Inner bytes are plaintext
/// here, outer bytes ciphertext; the rest of the contract is the Layer's.
///
/// Thread: one. Not reentrant.
class Engine final : public transport::Layer {
 public:
  explicit Engine(Context::Ptr context);
  ~Engine() override;

  /// Client role: the first flight. Server role: nothing to do.
  State start(Buffer& cipher) override;
  /// What comes behind close_notify is thrown away. Renegotiation is refused. Never decrypts more
  /// than `in` and one record that was begun before.
  State feed(Bytes in, Buffer& plain, Buffer& cipher) override;
  /// As few records as possible, none larger than the listener's max_record and what the client
  /// asked for.
  State send(std::span<const Bytes> plain, Buffer& cipher) override;
  /// Appends close_notify.
  void close(Buffer& cipher) override;
  /// Server role: the client's certificate and SNI. Of a broker nothing but its name matters, and
  /// that was verified.
  void tell(transport::PeerFacts& facts) const override;
  [[nodiscard]] State state() const override { return state_; }
  [[nodiscard]] Failure failure() const override { return {failed_check_, failed_text_}; }

  /// Server role: what the verified client certificate says; null without one, and unless the
  /// engine is open or was ended by close_notify: a failed engine vouches for nobody. Client role:
  /// null.
  [[nodiscard]] std::shared_ptr<const Certificate> peer_certificate() const;
  /// "TLSv1.3"; static storage. Empty before the handshake is done.
  [[nodiscard]] std::string_view version() const;

 private:
  State shake_hands(Transport& transport);
  State decrypt(Transport& transport, Buffer& plain);
  bool encrypt(Bytes plain);
  State fail(const Transport& transport);
  Context::Ptr context_;
  bssl::UniquePtr<SSL> ssl_;
  // What the client has shown, verified or not: peer_certificate() tells.
  std::shared_ptr<const Certificate> peer_;
  std::chrono::system_clock::time_point chain_end_{};
  std::string_view failed_text_;
  Check failed_check_ = Check::tls_internal;
  State state_ = State::opening;
  std::uint16_t record_;  // largest plaintext of a record that is sent
};

}  // namespace sallyport::tls
