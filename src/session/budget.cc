#include "session/budget.h"

#include <algorithm>

namespace sallyport {

std::string Payer::client() const {
  const Certificate* certificate = identity.certificate.get();
  return (certificate ? certificate->fingerprint : counted_address(identity)) + '/' +
         identity.client_id;
}

Budget::Meter* Budget::find(std::uint32_t limit) {
  constexpr std::size_t kFew = 8;  // up to here looking at each costs less than halving
  if (meters_.size() <= kFew) {
    for (Meter& used : meters_) {
      if (used.limit == limit) return &used;
    }
    return nullptr;
  }
  const auto at = std::ranges::lower_bound(meters_, limit, {}, &Meter::limit);
  return at != meters_.end() && at->limit == limit ? &*at : nullptr;
}

RateMeter& Budget::meter(const Payer& payer, const policy::Policy& policy, std::uint32_t limit,
                         Instant now) {
  if (Meter* const used = find(limit)) return *used->meter;
  const RateLimit& terms = policy.limit(limit);
  Ledger::Lease lease =
      payer.ledger == nullptr
          ? own_meter()
          : payer.ledger->lease({Scope::client, terms.name, payer.client()}, terms, now);
  const auto at = std::ranges::lower_bound(meters_, limit, {}, &Meter::limit);
  return *meters_.insert(at, {limit, &terms, std::move(lease), {}})->meter;
}

bool Budget::take_from(std::span<const std::uint32_t> limits, std::uint32_t also,
                       std::uint64_t bytes, Instant now) {
  const auto fits = [bytes, now](Meter& used) {
    return used.meter->fits(*used.terms, bytes, now, used.after);
  };
  // Limits and meters are both in ascending order.
  Meter* const end = meters_.data() + meters_.size();
  Meter* next = meters_.data();
  for (const std::uint32_t limit : limits) {
    while (next != end && next->limit != limit) ++next;
    if (next == end || !fits(*next)) return false;
  }
  if (also != policy::kNoLimit) {
    Meter* const used = find(also);
    if (used == nullptr || !fits(*used)) return false;
    used->meter->set(used->after);
  }
  next = meters_.data();
  for (const std::uint32_t limit : limits) {
    while (next->limit != limit) ++next;
    next->meter->set(next->after);
  }
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
