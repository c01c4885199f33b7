#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "sallyport/time.h"

namespace sallyport::proxy {

/// In which order, and when, the connections of a worker go in a drain: spread evenly over a
/// window, so that their clients do not all come to the other gateways at once; whoever has been
/// silent longest goes first, and whoever is in the middle of something has its turn later, at the
/// end of the window at the latest.
///
/// A guest has `bool is_busy() const`, `void shut_down()`, which does not delete it, and a number
/// `departure`, which is this object's. Times are passed in. Thread: one.
template <typename Guest>
class Departures final {
 public:
  /// Where everybody who is left is busy: how long until they are looked at again.
  static constexpr Duration kLookAgain = std::chrono::milliseconds(20);

  /// Before begin(). `heard`: when it was last heard of.
  void add(Guest& guest, Instant heard) { arrivals_.emplace_back(heard, &guest); }

  void begin(Instant now, Duration window) {
    std::ranges::stable_sort(arrivals_, {}, &Arrival::first);
    begin_ = now;
    window_ = window;
    all_ = arrivals_.size();
    for (const auto& [heard, guest] : std::exchange(arrivals_, {})) push(*guest);
  }

  /// Shuts down whoever is due. Looks at `most` guests at most, not 0. Returns when to call again;
  /// kNever: all have gone.
  [[nodiscard]] Instant let_go(Instant now, std::size_t most) {
    const bool over = now >= begin_ + window_;
    // The first one goes at the beginning of the window, the last one before its end.
    const std::size_t due = over ? all_ : std::min(all_, share(now - begin_) + 1);
    // Whoever was looked at and is busy stands behind the others.
    for (std::size_t left = queue_.size(); left != 0 && gone_ < due; --left) {
      if (most-- == 0) return now;
      Guest* const guest = pop();
      if (guest == nullptr) continue;  // left by itself, and was counted then
      if (!over && guest->is_busy()) {
        push(*guest);
        continue;
      }
      ++gone_;
      guest->shut_down();
    }
    if (gone_ >= all_) return kNever;
    return std::max(
        begin_ + window_ / static_cast<std::int64_t>(all_) * static_cast<std::int64_t>(gone_),
        now + (gone_ < due ? kLookAgain : Duration(1)));
  }

  /// The guest goes away, by itself or because it was told to. One that never came is forgotten,
  /// too.
  void forget(Guest& guest) {
    const std::uint64_t place = std::exchange(guest.departure, 0);
    if (place == 0) return;
    queue_[place - 1 - taken_] = nullptr;
    ++gone_;
  }

  /// Forgets all. For the end of the worker: no guest may be forgotten afterwards.
  void clear() {
    for (Guest* const guest : std::exchange(queue_, {})) {
      if (guest != nullptr) guest->departure = 0;
    }
    all_ = gone_ = 0;
  }

 private:
  using Arrival = std::pair<Instant, Guest*>;

  /// How many have to go in this time.
  [[nodiscard]] std::size_t share(Duration elapsed) const {
    const double part = static_cast<double>(elapsed.count()) / static_cast<double>(window_.count());
    return static_cast<std::size_t>(part * static_cast<double>(all_));
  }
  void push(Guest& guest) {
    queue_.push_back(&guest);
    guest.departure = taken_ + queue_.size();
  }
  Guest* pop() {
    Guest* const guest = queue_.front();
    queue_.pop_front();
    ++taken_;
    if (guest != nullptr) guest->departure = 0;
    return guest;
  }

  std::vector<Arrival> arrivals_;
  std::deque<Guest*> queue_;  // null: has gone by itself
  std::uint64_t taken_ = 0;   // so many stood before the front of the queue
  Instant begin_{};
  Duration window_{};
  std::size_t all_ = 0;
  std::size_t gone_ = 0;  // of these
};

}  // namespace sallyport::proxy
