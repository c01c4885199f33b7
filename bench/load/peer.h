#pragma once

#include <memory>
#include <string_view>

#include "sallyport/framer.h"

#include "bench/load/workbench.h"
#include "net/stream.h"
#include "session/inlet.h"
#include "tls/engine.h"

namespace sallyport::bench {

/// One connection that speaks MQTT, with or without TLS, from either end.
///
/// What goes out is written in records: each add_record() is one TLS record (where it fits one),
/// and all that was added leaves in one write at flush(), or at the end of the event.
///
/// Thread: the loop's. Destroyed in Handler::on_gone() or later, or where open() was never called.
class Peer final : private net::Stream::Handler {
 public:
  /// Called from the loop. May call into the peer, but destroys it in on_gone() only.
  class Handler {
   public:
    /// Behind TLS, where there is TLS: now packets can be sent.
    virtual void on_ready() = 0;
    /// A packet from the other end; of a PUBLISH its head. Valid during the call only.
    virtual void on_packet(const mqtt::Frame& frame) = 0;
    /// The end of an event: all packets of a read have been seen, or bytes that waited have left.
    virtual void on_turn() = 0;
    /// Last callback: the connection is closed. `why` is static; empty: finish() ended it.
    virtual void on_gone(std::string_view why) = 0;

   protected:
    ~Handler() = default;
  };

  /// While more bytes wait to be sent, nothing more is read, and publishers wait too.
  static constexpr std::size_t kHighWater = 128 * 1024;

  /// All outlive the peer. `tls` null: plain TCP. `from`: whose packets arrive here.
  Peer(Workbench& bench, Handler& handler, tls::Context::Ptr tls, Side from, mqtt::Version version);
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Takes a connected socket. Where it cannot be used, on_gone() follows.
  void open(net::Socket socket);
  /// What a sink learns from CONNECT.
  void set_version(mqtt::Version version) { rules_.version = version; }

  void add_record(Bytes bytes);
  void flush();
  /// Bytes that were added and not flushed.
  [[nodiscard]] std::size_t unflushed() const;
  /// Bytes that wait for the other end.
  [[nodiscard]] std::size_t pending() const { return stream_.pending(); }
  [[nodiscard]] bool is_open() const { return stream_.is_open(); }
  /// "TLSv1.3"; static; empty without TLS.
  [[nodiscard]] std::string_view tls_version() const;

  /// Sends what waits, says goodbye, and is gone when the other end is.
  void finish();
  /// Gone at once. `why` is static.
  void close(std::string_view why);

 private:
  void on_read(net::Stream& stream, Bytes bytes) override;
  void on_end(net::Stream& stream, int error) override;
  void on_progress(net::Stream& stream) override;
  void on_closed(net::Stream& stream) override;
  void decrypt(Bytes bytes);
  void take(Bytes plain);
  void end_turn();

  Workbench& bench_;
  Handler& handler_;
  net::Stream stream_;
  std::unique_ptr<tls::Engine> tls_;
  Inlet inlet_;
  mqtt::FrameRules rules_;
  std::string_view why_;
  bool ready_ = false;
  bool paused_ = false;
};

}  // namespace sallyport::bench
