#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sallyport/policy.h"

namespace sallyport {

/// What one client has used of the limits that count for it. Asking charges nothing, so a packet
/// that has to wait can be asked about again.
class Budget final {
 public:
  struct Exceeded {
    const RateLimit* limit = nullptr;  // null: everything fits
    Action action = Action::report;    // the harshest: disconnect, drop, throttle, report
    Duration wait{};                   // throttle: until all of them fit
  };

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
  RateMeter& meter(std::uint32_t limit);

  std::vector<Meter> meters_;  // at most one for each limit of the policy; few
};

}  // namespace sallyport
