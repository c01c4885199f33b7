#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sallyport/policy.h"

namespace sallyport {

/// What one client has used of the limits that count for it. Asking charges nothing, so a packet
/// that has to wait can be asked about again; take() is both at once, for nearly every packet fits.
class Budget final {
 public:
  struct Exceeded {
    const RateLimit* limit = nullptr;  // null: everything fits
    Action action = Action::report;    // the harshest: disconnect, drop, throttle, report
    Duration wait{};                   // throttle: until all of them fit
  };

  /// Takes one message of `bytes` bytes out of all of these limits, and of `also` where that is not
  /// kNoLimit. False: nothing was taken, and ask() has to be asked: it does not fit, or it is the
  /// first of its kind, or has many limits.
  [[nodiscard]] bool take(const policy::Policy& policy, std::span<const std::uint32_t> limits,
                          std::uint32_t also, std::uint64_t bytes, Instant now) {
    if (limits.empty() && also == policy::kNoLimit) return true;
    return take_from(policy, limits, also, bytes, now);
  }
  /// One message of `bytes` bytes against all of these limits.
  [[nodiscard]] Exceeded ask(const policy::Policy& policy, std::span<const std::uint32_t> limits,
                             std::uint64_t bytes, Instant now);
  /// Charges those that the message fits in (one that is only reported is not charged further).
  void charge(const policy::Policy& policy, std::span<const std::uint32_t> limits,
              std::uint64_t bytes, Instant now);

  /// A new policy has other indexes: budgets start full.
  void reset() { meters_.clear(); }
  [[nodiscard]] std::size_t memory() const { return meters_.capacity() * sizeof(Meter); }

 private:
  struct Meter {
    std::uint32_t limit;
    RateMeter meter;
  };
  [[nodiscard]] bool take_from(const policy::Policy& policy, std::span<const std::uint32_t> limits,
                               std::uint32_t also, std::uint64_t bytes, Instant now);
  [[nodiscard]] Meter* find(std::uint32_t limit);
  [[nodiscard]] RateMeter& meter(std::uint32_t limit);

  std::vector<Meter> meters_;  // by limit; at most one for each of the policy's, mostly two
};

}  // namespace sallyport
