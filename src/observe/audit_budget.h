#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace sallyport::observe {

/// How many bytes the audit log may still write: so many at once, and so many a second from there
/// on, of all workers together.
///
/// Thread: any. Times are nanoseconds of a monotonic clock.
class AuditBudget final {
 public:
  AuditBudget(std::uint32_t per_second, std::uint32_t burst);

  /// Bytes that are left; negative: more was written than there was.
  [[nodiscard]] std::int64_t left(std::int64_t now) const;
  /// What is left for lines of their own; the rest is kept for sums, which say what is left out.
  [[nodiscard]] std::int64_t left_for_lines(std::int64_t now) const { return left(now) - kept_; }
  /// Negative: gives back.
  void charge(std::int64_t bytes, std::int64_t now);

  [[nodiscard]] std::int64_t burst() const { return burst_; }
  /// How long it takes until what was used is earned back in full.
  [[nodiscard]] std::int64_t refill() const;

 private:
  const double nanos_per_byte_;
  const std::int64_t burst_;
  const std::int64_t kept_;
  std::atomic<std::int64_t> full_at_{0};  // when all that was used is earned back
};

/// Shares the budget between who writes lines. One may have no more than is left for all others
/// together: a single one that floods gets half of it, k of them get a part of k + 1 each, and
/// whoever writes little always finds its line's room there, as long as fewer flood than the burst
/// has lines.
///
/// One worker's own; no memory beyond its table. Where the table has no room, who has had least is
/// forgotten.
class AuditShares final {
 public:
  /// `window`: what one has had counts less and less, and after this long no more.
  explicit AuditShares(std::int64_t window);

  /// May `who` write `bytes`, where `left` are left? Charges its share where yes.
  [[nodiscard]] bool take(std::uint64_t who, std::int64_t bytes, std::int64_t left,
                          std::int64_t now);

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kSets = 512;
  struct Share {
    std::uint64_t who = 0;
    double had = 0;
    std::int64_t at = 0;
  };
  [[nodiscard]] double had(const Share& share, std::int64_t now) const;

  const double window_;
  std::unique_ptr<Share[]> shares_;
};

}  // namespace sallyport::observe
