#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sallyport/time.h"

namespace sallyport::observe {

/// A number that one thread writes and any thread reads. Because there is only one writer, adding
/// is a plain load and a plain store: no lock prefix, no retry, nothing that another worker sees.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// The same for a number that goes up and down. An end without a beginning leaves it at 0.
class Level {
 public:
  void up() { value_.store(value() + 1, std::memory_order_relaxed); }
  void down() {
    if (const std::uint64_t now = value(); now != 0) {
      value_.store(now - 1, std::memory_order_relaxed);
    }
  }
  void set(std::uint64_t now) { value_.store(now, std::memory_order_relaxed); }
  void change(std::int64_t by) { set(value() + static_cast<std::uint64_t>(by)); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Upper bounds of the buckets of a histogram.
using LatencyBounds = std::array<Duration, 13>;
/// From a handshake on the same machine to a broker at the end of a bad link. Shared, so that sides
/// and workers can be added up.
inline constexpr LatencyBounds kLatencyBounds = [] {
  using namespace std::chrono_literals;
  return LatencyBounds{500us, 1ms,   2500us, 5ms, 10ms,   25ms, 50ms,
                       100ms, 250ms, 500ms,  1s,  2500ms, 5s};
}();
/// Of a turn of a worker's loop, which nearly always takes less than a millisecond.
inline constexpr LatencyBounds kTurnBounds = [] {
  using namespace std::chrono_literals;
  return LatencyBounds{10us,   25us, 50us, 100us, 250us, 500us, 1ms,
                       2500us, 5ms,  10ms, 25ms,  100ms, 500ms};
}();

/// How often durations fell between the bounds. One writer, any reader.
class LatencyHistogram {
 public:
  static constexpr std::size_t kBuckets = LatencyBounds().size() + 1;  // the last one is +Inf

  /// `bounds` is static storage.
  explicit LatencyHistogram(const LatencyBounds& bounds = kLatencyBounds) : bounds_(&bounds) {}

  void observe(Duration took) {
    took = std::max(took, Duration::zero());
    std::size_t bucket = 0;
    while (bucket < bounds_->size() && took > (*bounds_)[bucket]) ++bucket;
    buckets_[bucket].add();
    sum_nanos_.add(static_cast<std::uint64_t>(took.count()));
  }
  [[nodiscard]] std::uint64_t bucket(std::size_t index) const { return buckets_[index].value(); }
  [[nodiscard]] std::uint64_t sum_nanos() const { return sum_nanos_.value(); }
  [[nodiscard]] const LatencyBounds& bounds() const { return *bounds_; }

 private:
  const LatencyBounds* bounds_;
  std::array<Counter, kBuckets> buckets_;
  Counter sum_nanos_;
};

}  // namespace sallyport::observe
