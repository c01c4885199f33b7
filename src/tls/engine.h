#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <openssl/base.h>

#include "sallyport/bytes.h"
#include "sallyport/identity.h"

#include "tls/context.h"
#include "tls/errors.h"

namespace sallyport::tls {

struct Transport;

/// One TLS connection without a socket: ciphertext in, plaintext out, and back. It reads straight
/// from the bytes it is given and writes straight into the caller's buffers, which a worker shares
/// between all its connections; between calls an idle engine holds BoringSSL's own state only,
/// and the beginning of a record (at most 17 KiB) where one was cut.
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
  /// alerts) to `cipher`, which are different buffers. What comes behind close_notify is thrown
  /// away. Where the call ends in State::failed, `plain` is left as it was: nothing of a read with
  /// a bad record is used. Renegotiation is refused. Never decrypts more than `in` and one record
  /// that was begun before.
  State feed(Bytes in, Buffer& plain, Buffer& cipher);
  /// Encrypts all segments, as few records as possible, and appends them to `cipher`. Only in
  /// State::open and before close(); otherwise it does nothing.
  State send(std::span<const Bytes> plain, Buffer& cipher);
  /// Appends close_notify, where the state allows one; once. What comes is still decrypted.
  void close(Buffer& cipher);

  [[nodiscard]] State state() const { return state_; }
  /// One line for the log, with the reason that BoringSSL or the verifier gave; static storage.
  /// Never contains peer-chosen bytes.
  [[nodiscard]] std::string_view error() const { return failure_.text; }
  /// State::failed: the name of that reason.
  [[nodiscard]] Check failure() const { return failure_.check; }
  /// Server role: what the verified client certificate says; null without one. Valid from
  /// State::open on. A certificate whose names are ambiguous fails the handshake (tls/identity.h).
  /// Client role: null; of the broker nothing but its name matters, and that was verified.
  [[nodiscard]] std::shared_ptr<const Certificate> peer_certificate() const { return peer_; }
  /// "TLSv1.3"; static storage. Empty before the handshake is done.
  [[nodiscard]] std::string_view version() const;

 private:
  State shake_hands(Transport& transport);
  State decrypt(Transport& transport, Buffer& plain);
  bool encrypt(Bytes plain);
  State fail(const Transport& transport);
  Context::Ptr context_;
  bssl::UniquePtr<SSL> ssl_;
  std::shared_ptr<const Certificate> peer_;
  Failure failure_;
  State state_ = State::handshaking;
};

}  // namespace sallyport::tls
