#include "session/budget.h"

#include <algorithm>
#include <array>

namespace sallyport {

namespace {

constexpr std::size_t kFew = 4;

}  // namespace

std::string Payer::client() const {
  const Certificate* certificate = identity.certificate.get();
  return (certificate ? certificate->fingerprint : counted_address(identity)) + '/' +
         identity.client_id;
}

const Budget::Meter* Budget::find(std::uint32_t limit) const {
  if (meters_.size() > kFew) {
    const auto at = std::ranges::lower_bound(meters_, limit, {}, &Meter::limit);
    return at != meters_.end() && at->limit == limit ? &*at : nullptr;
  }
  for (const Meter& used : meters_) {
    if (used.limit == limit) return &used;
  }
  return nullptr;
}

RateMeter& Budget::meter(const Payer& payer, const policy::Policy& policy, std::uint32_t limit,
                         Instant now) {
  if (const Meter* used = find(limit)) return *used->meter;
  const RateLimit& terms = policy.limit(limit);
  Ledger::Lease lease =
      payer.ledger == nullptr
          ? own_meter()
          : payer.ledger->lease({Scope::client, terms.name, payer.client()}, terms, now);
  const auto at = std::ranges::lower_bound(meters_, limit, {}, &Meter::limit);
  return *meters_.insert(at, {limit, &terms, std::move(lease)})->meter;
}

bool Budget::take_from(std::span<const std::uint32_t> limits, std::uint32_t also,
                       std::uint64_t bytes, Instant now) {
  struct Taken {
    RateMeter* used;
    RateMeter::Times after;
  };
  std::array<Taken, kFew> taken;
  std::size_t count = 0;
  const auto fits = [&](std::uint32_t index) {
    if (count == kFew) return false;
    Taken& next = taken[count++];
    const Meter* meter = find(index);
    if (meter == nullptr) return false;
    next.used = meter->meter.get();
    return next.used->fits(*meter->terms, bytes, now, next.after);
  };
  for (const std::uint32_t index : limits) {
    if (!fits(index)) return false;
  }
  if (also != policy::kNoLimit && !fits(also)) return false;
  for (std::size_t i = 0; i != count; ++i) taken[i].used->set(taken[i].after);
  return true;
}

std::size_t Budget::memory() const {
  const auto own = std::ranges::count_if(
      meters_, [](const Meter& used) { return used.meter.get_deleter().owner == nullptr; });
  return meters_.capacity() * sizeof(Meter) + static_cast<std::size_t>(own) * sizeof(RateMeter);
}

Budget::Exceeded Budget::ask(const Payer& payer, const policy::Policy& policy,
                             std::span<const std::uint32_t> limits, std::uint64_t bytes,
                             Instant now) {
  Exceeded worst;
  for (const std::uint32_t index : limits) {
    const RateLimit& limit = policy.limit(index);
    const Duration wait = meter(payer, policy, index, now).wait(limit, bytes, now);
    if (wait == Duration::zero()) continue;
    if (worst.limit == nullptr || strictness(limit.on_exceed) > strictness(worst.action)) {
      worst = {&limit, limit.on_exceed, wait};
    } else if (limit.on_exceed == worst.action) {
      worst.wait = std::max(worst.wait, wait);
    }
  }
  return worst;
}

void Budget::charge(const Payer& payer, const policy::Policy& policy,
                    std::span<const std::uint32_t> limits, std::uint64_t bytes, Instant now) {
  for (const std::uint32_t index : limits) {
    const RateLimit& limit = policy.limit(index);
    RateMeter& used = meter(payer, policy, index, now);
    if (used.wait(limit, bytes, now) == Duration::zero()) used.charge(limit, bytes, now);
  }
}

}  // namespace sallyport
