#pragma once

#include <uv.h>

#include "net/timers.h"

namespace sallyport::bench {

/// Deadlines to the microsecond. libuv's timers, and so net::Timers by themselves, know
/// milliseconds only, in which ten clients at 400 messages a second would send together; here the
/// same heap is driven by a timer of the kernel.
///
/// Thread: the loop's.
class Pacer final {
 public:
  Pacer() = default;
  ~Pacer();
  Pacer(const Pacer&) = delete;
  Pacer& operator=(const Pacer&) = delete;

  /// 0, or a libuv error code.
  [[nodiscard]] int open(net::Loop& loop);
  /// Nothing fires afterwards. The object stays until the loop has run again.
  void close();

  /// For net::Timer's constructor. Set such a timer through set() only.
  [[nodiscard]] net::Timers& timers() { return heap_; }
  void set(net::Timer& timer, Instant at);

 private:
  void arm();

  net::Timers heap_;  // never opened: fire() is called from here
  uv_poll_t poll_{};
  int fd_ = -1;
  Instant armed_ = kNever;
  bool firing_ = false;
};

}  // namespace sallyport::bench
