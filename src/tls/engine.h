#pragma once

#include <memory>
#include <span>
#include <string>

#include "sallyport/bytes.h"
#include "sallyport/identity.h"
#include "tls/context.h"

namespace sallyport::tls {

/// One TLS connection without a socket: ciphertext in, plaintext out, and back. It reads straight
/// from the bytes it is given and writes straight into the caller's buffers, which a worker shares
/// between all its connections; between calls an idle engine holds BoringSSL's own state only.
///
/// Thread: one. Not reentrant.
class Engine final {
 public:
  enum class State : std::uint8_t {
    handshaking,
    open,
    peer_closed,  // close_notify came; nothing more will be decrypted
    failed,       // error() says why; an alert may wait in the ciphertext buffer
  };

  explicit Engine(Context::Ptr context);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Client role: the first flight. Server role: nothing to do. Appends to `cipher`.
  State start(Buffer& cipher);
  /// Takes all of `in`; appends what it decrypts to `plain` and what must be sent (handshake,
  /// alerts) to `cipher`. An incomplete record is kept inside. Renegotiation is refused.
  State feed(Bytes in, Buffer& plain, Buffer& cipher);
  /// Encrypts all segments, as few records as possible, and appends them to `cipher`. Only in
  /// State::open.
  State send(std::span<const Bytes> plain, Buffer& cipher);
  /// Appends close_notify, where the state allows one.
  void close(Buffer& cipher);

  [[nodiscard]] State state() const { return state_; }
  /// One line for the log, with the reason that BoringSSL or the verifier gave; static storage.
  /// Never contains peer-chosen bytes.
  [[nodiscard]] std::string_view error() const { return error_; }
  /// What the verified peer certificate says; null without one. Valid from State::open on. An
  /// error (handshake fails) where its names hold U+0000 or are not UTF-8.
  [[nodiscard]] std::shared_ptr<const Certificate> peer_certificate() const { return peer_; }
  /// "TLSv1.3"; static storage.
  [[nodiscard]] std::string_view version() const;

 private:
  State fail();
  Context::Ptr context_;
  bssl::UniquePtr<SSL> ssl_;
  std::shared_ptr<const Certificate> peer_;
  std::string_view error_;
  State state_ = State::handshaking;
};

}  // namespace sallyport::tls
