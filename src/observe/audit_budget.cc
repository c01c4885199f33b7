#include "observe/audit_budget.h"

#include <algorithm>

namespace sallyport::observe {

namespace {

constexpr double kSecond = 1e9;

}  // namespace

AuditBudget::AuditBudget(std::uint32_t per_second, std::uint32_t burst)
    : nanos_per_byte_(kSecond / std::max<double>(per_second, 1)), burst_(burst), kept_(burst / 4) {}

std::int64_t AuditBudget::left(std::int64_t now) const {
  const std::int64_t owed = full_at_.load(std::memory_order_relaxed) - now;
  if (owed <= 0) return burst_;
  return burst_ - static_cast<std::int64_t>(static_cast<double>(owed) / nanos_per_byte_);
}

void AuditBudget::charge(std::int64_t bytes, std::int64_t now) {
  const auto nanos = static_cast<std::int64_t>(static_cast<double>(bytes) * nanos_per_byte_);
  std::int64_t before = full_at_.load(std::memory_order_relaxed);
  while (!full_at_.compare_exchange_weak(before, std::max(before, now) + nanos,
                                         std::memory_order_relaxed)) {
  }
}

std::int64_t AuditBudget::refill() const {
  return static_cast<std::int64_t>(static_cast<double>(burst_) * nanos_per_byte_);
}

AuditShares::AuditShares(std::int64_t window)
    : window_(static_cast<double>(std::max<std::int64_t>(window, 1))),
      shares_(std::make_unique<Share[]>(kWays * kSets)) {}

double AuditShares::had(const Share& share, std::int64_t now) const {
  return share.had * std::max(0.0, 1 - static_cast<double>(now - share.at) / window_);
}

bool AuditShares::take(std::uint64_t who, std::int64_t bytes, std::int64_t left, std::int64_t now) {
  Share* const set = &shares_[who % kSets * kWays];
  Share* share = set;
  for (Share* one = set; one != set + kWays; ++one) {
    if (one->who == who) {
      share = one;
      break;
    }
    if (had(*one, now) < had(*share, now)) share = one;
  }
  if (share->who != who) *share = {.who = who, .had = 0, .at = now};
  const double with_this = had(*share, now) + static_cast<double>(bytes);
  if (with_this > static_cast<double>(left)) return false;
  *share = {.who = who, .had = with_this, .at = now};
  return true;
}

}  // namespace sallyport::observe
