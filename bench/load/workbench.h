#pragma once

#include <cstdlib>
#include <memory>

#include <uv.h>

#include "sallyport/bytes.h"

#include "bench/load/pacer.h"
#include "net/loop.h"
#include "net/timers.h"

namespace sallyport::bench {

/// The one thread's loop, its clocks, and the buffers that all connections share.
class Workbench final {
 public:
  class Handler {
   public:
    /// SIGINT or SIGTERM: somebody wants the end now.
    virtual void on_signal() = 0;
    /// SIGUSR1: somebody who waited for the right moment says that it is now.
    virtual void on_go() {}

   protected:
    ~Handler() = default;
  };

  /// Throws std::runtime_error where the system gives no loop.
  Workbench();
  ~Workbench();
  Workbench(const Workbench&) = delete;
  Workbench& operator=(const Workbench&) = delete;

  [[nodiscard]] net::Loop& loop() { return *loop_; }
  [[nodiscard]] net::Timers& timers() { return timers_; }
  [[nodiscard]] Pacer& pacer() { return pacer_; }
  /// What a read decrypts to.
  [[nodiscard]] Buffer& plain() { return plain_; }
  /// What a connection is about to write. Empty between events; within one it is that of one
  /// connection, `writer`, and a second one ends the program, for bytes would go astray.
  [[nodiscard]] Buffer& out(const void* writer) {
    if (out_.empty()) writer_ = writer;
    if (writer_ != writer) std::abort();
    return out_;
  }

  /// Runs until close() was called and every connection is closed. `handler` outlives the call.
  void run(Handler& handler);
  /// Closes what belongs to the workbench itself.
  void close();

 private:
  std::unique_ptr<net::Loop> loop_;
  net::Timers timers_;
  Pacer pacer_;
  uv_signal_t signals_[3]{};
  Buffer plain_;
  Buffer out_;
  const void* writer_ = nullptr;
  Handler* handler_ = nullptr;
  bool open_ = false;
};

/// Lets the process open as many descriptors as the system allows. Throws std::runtime_error where
/// those are fewer than `wanted`.
void allow_descriptors(std::uint64_t wanted);

}  // namespace sallyport::bench
