#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "net/loop.h"

namespace sallyport::net {

/// Runs functions on the thread of its loop, in the order in which other threads posted them. This
/// is the way back of an answer to whoever asked from that loop.
class Inbox final : private Wakeup::Handler {
 public:
  using Function = std::move_only_function<void()>;

  Inbox() : wakeup_(*this) {}
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// 0, or a libuv error code. Loop's thread, or before it runs.
  [[nodiscard]] int open(Loop& loop);
  /// Any thread. Before open() and after close() the function is destroyed and not run.
  void post(Function function);
  /// Loop's thread. What was posted and has not been run is destroyed. The object stays until the
  /// loop has run again.
  void close();

 private:
  void on_wakeup() override;

  Wakeup wakeup_;
  std::mutex mutex_;
  std::vector<Function> functions_;  // under mutex_
  bool open_ = false;                // under mutex_
};

}  // namespace sallyport::net
