#pragma once

#include <span>

#include <uv.h>

#include "net/loop.h"
#include "net/socket.h"

namespace sallyport::net {

/// Signals as events of a loop, for a process that blocks them in every thread from its first line
/// to its end (observe::BlockedSignals). signalfd(2), and not uv_signal_t: what comes before open()
/// or while the loop is busy is remembered by the kernel, once for each signal however often it was
/// sent, and after close() nothing falls back to its default action, which is to end the process.
///
/// Thread: the loop's.
class Signals final {
 public:
  class Handler {
   public:
    /// May close the Signals.
    virtual void on_signal(int number) = 0;

   protected:
    ~Handler() = default;
  };

  /// `handler` outlives it.
  explicit Signals(Handler& handler) : handler_(handler) {}
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Waits for these numbers. 0, or a libuv error code.
  [[nodiscard]] int open(Loop& loop, std::span<const int> numbers);
  /// The object stays until the loop has run again.
  void close();

 private:
  void read();

  Handler& handler_;
  Socket file_;
  uv_poll_t poll_{};
};

}  // namespace sallyport::net
