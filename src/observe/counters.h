#pragma once

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

/// Upper bounds of the buckets of a histogram, in seconds.
using LatencyBounds = std::array<double, 13>;
/// From a handshake on the same machine to a broker at the end of a bad link. Shared, so that sides
/// and workers can be added up.
inline constexpr LatencyBounds kLatencyBounds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                 0.1,    0.25,  0.5,    1.0,   2.5,  5.0};
/// Of a turn of a worker's loop, which nearly always takes less than a millisecond.
inline constexpr LatencyBounds kTurnBounds = {0.000'01, 0.000'025, 0.000'05, 0.000'1, 0.000'25,
                                              0.000'5,  0.001,     0.002'5,  0.005,   0.01,
                                              0.025,    0.1,       0.5};

/// How often durations fell between the bounds. One writer, any reader.
class LatencyHistogram {
 public:
  static constexpr std::size_t kBuckets = LatencyBounds().size() + 1;  // the last one is +Inf

  /// `bounds` is static storage.
  explicit LatencyHistogram(const LatencyBounds& bounds = kLatencyBounds) : bounds_(&bounds) {}

  void observe(Duration took) {
    const std::int64_t nanos = took.count() < 0 ? 0 : took.count();
    const double seconds = static_cast<double>(nanos) / 1e9;
    std::size_t bucket = 0;
    while (bucket < bounds_->size() && seconds > (*bounds_)[bucket]) ++bucket;
    buckets_[bucket].add();
    sum_nanos_.add(static_cast<std::uint64_t>(nanos));
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
