#include "session/budget.h"

#include <algorithm>

namespace sallyport {

namespace {

int harshness(Action action) {
  switch (action) {
    case Action::report:
      return 0;
    case Action::throttle:
      return 1;
    case Action::drop:
      return 2;
    case Action::disconnect:
      return 3;
  }
  return 3;
}

}  // namespace

RateMeter& Budget::meter(std::uint32_t limit) {
  const auto at = std::ranges::lower_bound(meters_, limit, {}, &Meter::limit);
  if (at != meters_.end() && at->limit == limit) return at->meter;
  return meters_.insert(at, {limit, {}})->meter;
}

Budget::Exceeded Budget::ask(const policy::Policy& policy, std::span<const std::uint32_t> limits,
                             std::uint64_t bytes, Instant now) {
  Exceeded worst;
  for (const std::uint32_t index : limits) {
    const RateLimit& limit = policy.limit(index);
    const Duration wait = meter(index).wait(limit, bytes, now);
    if (wait == Duration::zero()) continue;
    if (worst.limit == nullptr || harshness(limit.on_exceed) > harshness(worst.action)) {
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
