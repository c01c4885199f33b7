#include "proxy/connect_limiter.h"

#include <algorithm>

namespace sallyport::proxy {

namespace {

/// From one CONNECT to the next, rounded up: never more than the rate.
Duration interval_of(const Rate& rate) {
  const auto per = static_cast<std::uint64_t>(std::max<std::int64_t>(rate.per.count(), 1));
  const std::uint64_t count = std::max<std::uint64_t>(rate.count, 1);
  return Duration((per - 1) / count + 1);
}

}  // namespace

ConnectLimiter::ConnectLimiter(const ConnectRate& rate, const HashKey& key)
    : key_(key),
      interval_(interval_of(rate.rate)),
      credit_(interval_ * (std::clamp(rate.burst, 1U, kMostConnects) - 1)),
      entries_(kSets * kWays) {}

bool ConnectLimiter::admit(std::string_view name, Instant now) {
  const std::uint64_t hash = siphash(key_, name);
  const std::size_t set = hash % kSets;
  const std::lock_guard lock(locks_[set % kLocks]);
  const auto first = entries_.begin() + static_cast<std::ptrdiff_t>(set * kWays);
  const auto last = first + kWays;
  auto entry = std::find_if(first, last, [hash](const Entry& e) { return e.hash == hash; });
  if (entry == last) {
    // The one that owes least: one that owes nothing loses nothing.
    entry = std::min_element(first, last,
                             [](const Entry& a, const Entry& b) { return a.paid < b.paid; });
    *entry = {hash, Instant::min()};
  }
  const Instant paid = std::max(entry->paid, now);
  if (paid - now > credit_) return false;
  entry->paid = paid + interval_;
  return true;
}

std::size_t ConnectLimiter::memory() const {
  return sizeof(*this) + entries_.capacity() * sizeof(Entry);
}

}  // namespace sallyport::proxy
