#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sallyport/address.h"
#include "sallyport/bytes.h"
#include "sallyport/checks.h"
#include "sallyport/identity.h"

/// What a leg is made of between its socket and its MQTT packets.
namespace sallyport::transport {

/// Why a layer failed. `text` is one line for the log, of static storage; it never holds bytes of a
/// peer.
struct Failure {
  Check check = Check::tls_internal;
  std::string_view text;
};

/// What the layers of a leg know of its peer. A layer sets what it knows and leaves the rest alone.
struct PeerFacts {
  std::optional<IpAddress> address;                // a PROXY header's; none: the socket's counts
  std::shared_ptr<const Certificate> certificate;  // verified; null: none
  /// Shown and not accepted, or not verified yet: for reports, never for decisions.
  std::shared_ptr<const Certificate> shown;
  std::string_view tls_version;  // "TLSv1.3"; static, as the next two; empty: no TLS
  std::string_view cipher;
  std::string_view group;
  std::string sni;   // lower case; empty: none, or one that is no host name
  std::string alpn;  // empty: none was agreed on
  bool resumed = false;
  /// Of a broker: when the first certificate of its chain ends; epoch: not known.
  std::chrono::system_clock::time_point chain_end = {};
};

/// Turns the outer bytes of a leg into inner ones and back, without a socket and without a clock.
/// Output buffers are the caller's, appended to, and all different; between calls a layer holds its
/// own state only, and the beginning of a unit (record, header) where one was cut.
///
/// Thread: one. Not reentrant.
class Layer {
 public:
  enum class State : std::uint8_t {
    opening,      // nothing inner exists yet
    open,         // bytes pass both ways
    passed,       // it has said all that it has to say: what follows is inner as it comes, and the
                  // layer can be taken away
    peer_closed,  // the peer ended its direction in an orderly way; nothing more comes out
    failed,       // failure() says why; an alert may wait in the outer buffer
  };

  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  /// Once, before anything else. The side that speaks first appends its first bytes to `out`.
  virtual State start(Buffer& out) = 0;
  /// Takes all of `in`. Appends what it stands for to `inner`, and what must be sent (handshake,
  /// alerts) to `out`. Where the call ends in State::failed, `inner` is left as it was: nothing of
  /// a read that failed is used. After peer_closed and failed it does nothing.
  virtual State feed(Bytes in, Buffer& inner, Buffer& out) = 0;
  /// Appends the outer form of all segments to `out`. Does nothing unless the layer is open, and
  /// after close().
  virtual State send(std::span<const Bytes> inner, Buffer& out) = 0;
  /// Appends the layer's last word, where it has one and the state allows it; once. What comes is
  /// still taken.
  virtual void close(Buffer& out) = 0;
  /// Sets what this layer knows.
  virtual void tell(PeerFacts& facts) const = 0;
  [[nodiscard]] virtual State state() const = 0;
  /// State::failed: why.
  [[nodiscard]] virtual Failure failure() const = 0;

 protected:
  Layer() = default;
};

}  // namespace sallyport::transport
