#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sallyport::observe {

/// Lines of one worker for the operator's log at level debug, until the main thread fetches them:
/// no worker writes to stderr. Nothing is kept, and nothing made, unless they are wanted.
///
/// Thread: any. Memory: at most kMost lines; more are counted.
class DebugLines final {
 public:
  static constexpr std::size_t kMost = 256;

  [[nodiscard]] bool wanted() const { return wanted_.load(std::memory_order_relaxed); }
  void set_wanted(bool wanted) { wanted_.store(wanted, std::memory_order_relaxed); }

  void add(std::string text) {
    const std::lock_guard lock(mutex_);
    if (lines_.size() < kMost) {
      lines_.push_back(std::move(text));
    } else {
      ++more_;
    }
  }
  struct Taken {
    std::vector<std::string> lines;
    std::uint64_t more = 0;  // that found no room
  };
  [[nodiscard]] Taken take() {
    const std::lock_guard lock(mutex_);
    return {std::exchange(lines_, {}), std::exchange(more_, 0)};
  }

 private:
  std::atomic<bool> wanted_{false};
  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::uint64_t more_ = 0;
};

}  // namespace sallyport::observe
