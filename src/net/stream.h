#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <uv.h>

#include "sallyport/bytes.h"

#include "net/loop.h"
#include "net/socket.h"

namespace sallyport::net {

/// One TCP connection. Writes go straight to the kernel; what it does not take is owned here until
/// it does, and only then does the stream own memory beyond itself. It reads no more in a round
/// than the loop's budget says; what is left is read in the next rounds.
///
/// Thread: the loop's. The owner embeds the stream and may go only after Handler::on_closed(), or
/// where open() was never called.
class Stream final {
 public:
  /// No callback comes out of a call into the stream; all come from the loop. The owner destroys
  /// the stream in on_closed() or later, never in another callback.
  class Handler {
   public:
    /// `bytes` live in the loop's read buffer and are gone on return.
    virtual void on_read(Stream& stream, Bytes bytes) = 0;
    /// The peer ended its direction (error 0), or the connection failed (a libuv error code).
    /// Nothing more is read. Not called any more after finish().
    virtual void on_end(Stream& stream, int error) = 0;
    /// The kernel took bytes that were pending.
    virtual void on_progress(Stream& stream) = 0;
    /// Last callback: the descriptor is closed.
    virtual void on_closed(Stream& stream) = 0;

   protected:
    ~Handler() = default;
  };

  /// `handler` outlives the stream.
  explicit Stream(Handler& handler) : handler_(handler) {}
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Takes a connected, non-blocking socket. 0, or a libuv error code; then on_closed() follows.
  [[nodiscard]] int open(Loop& loop, Socket socket);

  /// Lets the kernel find out that the peer's host is gone, after so much silence; whole seconds.
  void keep_alive(Duration idle);

  /// 0, or a libuv error code. No effect where it reads already, or where the peer has ended.
  [[nodiscard]] int start_reading();
  void stop_reading();
  [[nodiscard]] bool is_reading() const { return reading_; }
  /// A patient stream is read by a late task of the loop: behind all that are not patient, and only
  /// as many in a round as the loop's budget says.
  void set_patient(bool patient);

  /// Sends all segments in order, in one system call where there are not hundreds of them. 0, or a
  /// libuv error code: the connection is dead, the owner calls close(). The bytes are the caller's
  /// again on return.
  [[nodiscard]] int write(std::span<const Bytes> segments);
  /// Bytes accepted by write() that the kernel has not taken yet.
  [[nodiscard]] std::size_t pending() const;
  /// Of what has been pending since the last time that nothing was: bytes that the kernel has
  /// taken. Grows while a slow peer takes anything at all.
  [[nodiscard]] std::uint64_t drained() const;
  /// Bytes that the kernel has taken since this was asked last.
  [[nodiscard]] std::uint64_t take_sent();

  /// The polite end: what is pending is sent, then this direction is closed, then the peer's bytes
  /// are read and thrown away, `discard` of them at most, until it ends too. Closing at once would
  /// make the kernel answer bytes that are still on their way with a reset, which takes what was
  /// sent last (a refusal) off the peer's hands. Ends in on_closed(); the owner bounds the time and
  /// calls close() when it is up.
  void finish(std::uint32_t discard);
  /// Ends at once; pending bytes are lost. Harmless when closed already.
  void close();

  /// Between open() and finish() or close().
  [[nodiscard]] bool is_open() const { return state_ == State::open; }
  /// Never opened, or on_closed() was called.
  [[nodiscard]] bool is_closed() const { return state_ == State::idle || state_ == State::closed; }

 private:
  enum class State : std::uint8_t { idle, open, finishing, closing, closed };
  /// Of a patient stream: bytes are there and wait for their turn.
  struct Patience final : Task::Handler {
    explicit Patience(Stream& owner) : stream(owner), turn(*this) {}
    void on_run(Task&) override { stream.read_once(); }  // which may destroy this
    Stream& stream;
    Task turn;
  };
  struct Backlog {
    uv_write_t request{};
    Buffer in_flight;
    Buffer next;
    std::uint64_t added = 0;
  };

  [[nodiscard]] uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp_); }
  [[nodiscard]] uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(&tcp_); }
  [[nodiscard]] int start_uv_read();
  [[nodiscard]] std::size_t room();
  void on_uv_read(ssize_t size, const std::uint8_t* bytes);
  void read_once();
  void on_uv_write(int status);
  void end(int error);
  [[nodiscard]] int write_backlog();
  void flushed();

  Handler& handler_;
  std::unique_ptr<Patience> patience_;  // null: it is not patient
  std::unique_ptr<Backlog> backlog_;
  std::uint64_t sent_ = 0;
  std::uint32_t discard_ = 0;  // finishing: bytes that may still be thrown away
  std::uint32_t round_ = 0;    // of the loop, in which
  std::uint32_t read_ = 0;     // so many bytes have been read
  State state_ = State::idle;
  bool reading_ = false;
  bool ended_ = false;  // the peer's direction
  uv_tcp_t tcp_;
};

}  // namespace sallyport::net
