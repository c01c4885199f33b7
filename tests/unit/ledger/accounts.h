#pragma once

#include <string>
#include <string_view>

#include "sallyport/ledger.h"
#include "sallyport/siphash.h"

/// Limits and accounts as the tests of the ledger need them.
namespace sallyport::test {

inline constexpr HashKey kKey = {3, 4};
inline constexpr Instant kBegin{std::chrono::seconds(1000)};

[[nodiscard]] inline RateLimit limit_of(Rate messages, std::uint64_t burst,
                                        std::string name = "limit") {
  RateLimit limit;
  limit.name = std::move(name);
  limit.messages = messages;
  limit.burst = burst;
  limit.precompute();
  return limit;
}

/// One message, where it fits.
inline bool takes(RateMeter& meter, const RateLimit& limit, Instant now) {
  RateMeter::Times after;
  if (!meter.fits(limit, 1, now, after)) return false;
  meter.set(after);
  return true;
}
inline int takes_all(RateMeter& meter, const RateLimit& limit, Instant now) {
  int count = 0;
  while (count < 1'000'000 && takes(meter, limit, now)) ++count;
  return count;
}

}  // namespace sallyport::test
