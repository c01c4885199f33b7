#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "sallyport/session.h"

#include "net/connector.h"
#include "net/stream.h"
#include "net/timers.h"
#include "proxy/connection_count.h"
#include "proxy/settings.h"
#include "tls/engine.h"

namespace sallyport::proxy {

class Worker;

/// One client connection and its broker connection: owns the two sockets, their TLS and the
/// Session between them, and moves bytes. It decides nothing about MQTT.
///
/// A turn is one event (bytes, a timer, the end of a socket) and all that follows from it; at its
/// end each side is written to once. Outside of a turn an idle relay owns no buffer: the bytes of a
/// turn live in the worker's.
///
/// Thread: the worker's. Owner: the worker, which deletes it when it calls Worker::remove(), its
/// last act, after both sockets have been closed.
class Relay final : private net::Stream::Handler,
                    private net::Timer::Handler,
                    private net::Connector::Handler {
 public:
  /// `listener` is kept: the settings the connection began with are those it ends with.
  Relay(Worker& worker, std::shared_ptr<const ListenerSettings> listener,
        ConnectionCount::Slot slot, const net::Address& peer, Instant accepted);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// 0, or a libuv error code. Then the worker deletes the relay, at once where is_closed(), else
  /// when remove() is called.
  [[nodiscard]] int start(net::Socket socket);

  /// A turn of its own: from here on `policy` decides.
  void set_policy(const policy::Policy::Ptr& policy);
  /// A turn of its own: says goodbye and closes, politely and within kFlushTime.
  void shut_down();
  /// Closes both sockets at once.
  void abort();

  [[nodiscard]] bool is_closed() const;
  [[nodiscard]] std::string_view listener_name() const { return listener_->name; }
  /// Where the worker keeps it.
  std::size_t index = 0;

  /// A side is slow once so many bytes wait for it, and until no more than kLowWater are left.
  /// While it is slow the other side is not read.
  static constexpr std::size_t kHighWater = 128 * 1024;
  static constexpr std::size_t kLowWater = 32 * 1024;
  /// A side that does not even take the answers to what it sends itself is not read either.
  static constexpr std::size_t kChokeWater = 2 * kHighWater;
  /// After the last word: how long bytes that wait are still sent, and how long the peer has for
  /// its own end once they are.
  static constexpr Duration kFlushTime = std::chrono::seconds(10);
  static constexpr Duration kLinger = std::chrono::seconds(2);

 private:
  enum class State : std::uint8_t {
    handshaking,  // with the client; there is no session yet
    running,
    closing,  // the session has said its last word
  };

  /// Why a side is not read: a set, so that one reason's end does not undo another. What the
  /// session does not take (it waits, it throttles) turns into kKept as soon as there is any.
  enum Pause : std::uint8_t {
    kKept = 1,       // bytes that came before wait for the session
    kOtherSlow = 2,  // the other side is over kHighWater
    kChoked = 4,     // this side itself is over kChokeWater
  };

  struct Leg {
    explicit Leg(net::Stream::Handler& handler) : stream(handler) {}
    net::Stream stream;
    std::unique_ptr<tls::Engine> tls;
    Buffer kept;                  // plaintext that the session has not taken: one read's at most
    std::uint32_t kept_from = 0;  // what lies before has been taken
    std::uint8_t pauses = 0;      // Pause
    std::uint64_t drained = 0;    // while it is slow: Stream::drained() when that was looked at,
    Instant stall_at = kNever;    // and when to look again whether it has moved
    bool ready = false;           // behind TLS, where it has TLS
    bool ended = false;           // close_notify came; what is kept is still fed
  };

  // Callbacks from the loop; each is one turn.
  void on_read(net::Stream& stream, Bytes bytes) override;
  void on_end(net::Stream& stream, int error) override;
  void on_progress(net::Stream& stream) override;
  void on_closed(net::Stream& stream) override;
  void on_timer(Instant now) override;
  void on_connected(net::Socket socket) override;
  void on_connect_failed(int error) override;

  // relay.cc: the middle of a turn
  void decrypt(Side side, Bytes bytes, Instant now);
  void take(Side side, Bytes plain, Instant now);
  void handshaken(Side side, Instant now);
  [[nodiscard]] Identity identity() const;
  void begin_session();
  void dial(Instant now);
  void broker_ready(Instant now);
  void refuse_handshake(Check check);
  void broker_failed(Check check, std::string_view detail, Instant now);
  /// A socket or its TLS is gone; `check` names that where it was in the handshake or the dial.
  void lose(Side side, CloseKind kind, Check check, std::string_view detail, Instant now);
  void lose_socket(Side side, int error, Instant now);

  // relay_turn.cc: the end of a turn
  void settle(Instant now);
  void flush(Instant now);
  [[nodiscard]] int write(Side side);
  void watch_pending(Instant now);
  void check_stall(Side side, Instant now);
  void pause(Side side, std::uint8_t reasons, bool on, Instant now);
  [[nodiscard]] bool is_owed() const;
  [[nodiscard]] bool resume(Instant now);
  [[nodiscard]] bool end_of_tls(Instant now);
  void update_reading();
  void begin_close(Instant now);
  void report_wire();

  [[nodiscard]] Leg& leg(Side side) { return side == Side::client ? client_ : broker_; }
  [[nodiscard]] bool is_slow(Side side) { return (leg(other(side)).pauses & kOtherSlow) != 0; }
  [[nodiscard]] Side side_of(const net::Stream& stream) const {
    return &stream == &client_.stream ? Side::client : Side::broker;
  }

  Worker& worker_;
  std::shared_ptr<const ListenerSettings> listener_;
  ConnectionCount::Slot slot_;
  net::Address peer_;
  State state_ = State::handshaking;
  Leg client_;
  Leg broker_;
  std::optional<Session> session_;
  std::unique_ptr<net::Connector> connector_;  // while dialling
  net::Timer timer_;
  Instant accepted_;
  Instant dialled_{};
  Instant deadline_ = kNever;  // of a handshake or a dial, which the relay itself waits for
};

}  // namespace sallyport::proxy
