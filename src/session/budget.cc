#include "session/budget.h"

#include <algorithm>
#include <array>

namespace sallyport {

namespace {

constexpr std::size_t kFew = 4;

}  // namespace

Budget::Meter* Budget::find(std::uint32_t limit) {
  if (meters_.size() > kFew) {
    const auto at = std::ranges::lower_bound(meters_, limit, {}, &Meter::limit);
    return at != meters_.end() && at->limit == limit ? &*at : nullptr;
  }
  for (Meter& used : meters_) {
    if (used.limit == limit) return &used;
  }
  return nullptr;
}

RateMeter& Budget::meter(std::uint32_t limit) {
  if (Meter* used = find(limit)) return used->meter;
  const auto at = std::ranges::lower_bound(meters_, limit, {}, &Meter::limit);
  return meters_.insert(at, {limit, {}})->meter;
}

bool Budget::take_from(const policy::Policy& policy, std::span<const std::uint32_t> limits,
                       std::uint32_t also, std::uint64_t bytes, Instant now) {
  struct Taken {
    Meter* used;
    RateMeter after;
  };
  std::array<Taken, kFew> taken;
  std::size_t count = 0;
  const auto fits = [&](std::uint32_t index) {
    if (count == kFew) return false;
    Taken& next = taken[count++];
    next.used = find(index);
    return next.used != nullptr &&
           next.used->meter.taken(policy.limit(index), bytes, now, next.after);
  };
  for (const std::uint32_t index : limits) {
    if (!fits(index)) return false;
  }
  if (also != policy::kNoLimit && !fits(also)) return false;
  for (std::size_t i = 0; i != count; ++i) taken[i].used->meter = taken[i].after;
  return true;
}

Budget::Exceeded Budget::ask(const policy::Policy& policy, std::span<const std::uint32_t> limits,
                             std::uint64_t bytes, Instant now) {
  Exceeded worst;
  for (const std::uint32_t index : limits) {
    const RateLimit& limit = policy.limit(index);
    const Duration wait = meter(index).wait(limit, bytes, now);
    if (wait == Duration::zero()) continue;
    if (worst.limit == nullptr || strictness(limit.on_exceed) > strictness(worst.action)) {
      worst = {&limit, limit.on_exceed, wait};
    } else if (limit.on_exceed == worst.action) {
      worst.wait = std::max(worst.wait, wait);
    }
  }
  return worst;
}

void Budget::charge(const policy::Policy& policy, std::span<const std::uint32_t> limits,
                    std::uint64_t bytes, Instant now) {
  for (const std::uint32_t index : limits) {
    const RateLimit& limit = policy.limit(index);
    RateMeter& used = meter(index);
    if (used.wait(limit, bytes, now) == Duration::zero()) used.charge(limit, bytes, now);
  }
}

}  // namespace sallyport
