#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <uv.h>

#include "net/loop.h"

namespace sallyport::net {

class Timer;

/// All deadlines of one loop: a heap above one libuv timer, so that ten thousand connections cost
/// the loop no more than one. A deadline that moves later, which is what keep-alive does with every
/// packet, is a plain store: the heap finds out when the old time comes.
///
/// Thread: the loop's.
class Timers final {
 public:
  Timers() = default;
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  /// 0, or a libuv error code.
  [[nodiscard]] int open(Loop& loop);
  /// Nothing fires afterwards. The object stays until the loop has run again.
  void close();

  /// Calls the handlers of all that is due, each once at most; what they set to a time that has
  /// passed already waits for the next call. Called by the libuv timer; tests call it with a time
  /// of their own.
  void fire(Instant now);
  /// Timers that wait, those that were set to kNever and not yet forgotten among them.
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  /// The time at which fire() has something to look at; kNever: none.
  [[nodiscard]] Instant next() const { return heap_.empty() ? kNever : heap_.front().at; }

 private:
  friend class Timer;
  struct Slot {
    Instant at;
    Timer* timer;
  };

  void push(Timer& timer, Instant at);
  void remove(std::size_t index);
  void sift_up(std::size_t index, Slot slot);
  void sift_down(std::size_t index, Slot slot);
  void place(std::size_t index, Slot slot);
  void arm(Instant now);

  std::vector<Slot> heap_;
  uv_timer_t timer_{};
  Instant armed_ = kNever;
  bool open_ = false;
  bool firing_ = false;
};

/// One deadline. Lives in its owner; the heap refers to it while it waits.
class Timer final {
 public:
  class Handler {
   public:
    /// The time set has come. May set the timer again, or destroy it.
    virtual void on_timer(Instant now) = 0;

   protected:
    ~Handler() = default;
  };

  /// Both outlive the timer.
  Timer(Timers& timers, Handler& handler) : timers_(timers), handler_(handler) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Fires once, at `at` or a little later. kNever: not at all. Replaces what was set before.
  void set(Instant at);
  [[nodiscard]] Instant at() const { return at_; }

 private:
  friend class Timers;
  static constexpr std::uint32_t kNotQueued = UINT32_MAX;

  Timers& timers_;
  Handler& handler_;
  Instant at_ = kNever;
  std::uint32_t index_ = kNotQueued;  // in the heap
};

}  // namespace sallyport::net
