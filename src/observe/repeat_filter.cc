#include "observe/repeat_filter.h"

#include <algorithm>
#include <functional>

namespace sallyport::observe {

namespace {

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{a ^ 0x9E37'79B9'7F4A'7C15} * (b | 1);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

bool RepeatFilter::pass(const Identity& identity, Who who, std::string_view what,
                        std::int64_t now) {
  constexpr std::int64_t kStep = 1'000'000'000 / kPerSecond;
  constexpr std::int64_t kAhead = kStep * (kBurst - 1);

  const std::hash<std::string_view> hash;
  const std::string_view client =
      identity.certificate ? std::string_view(identity.certificate->fingerprint) : identity.address;
  std::uint64_t key = mix(hash(client), seed_);
  key = mix(hash(what), key ^ seed_);
  if (who == Who::client_and_identifier) key = mix(hash(identity.client_id), key ^ seed_);

  std::int64_t& free_at = free_at_[key % kSlots];
  if (free_at - now > kAhead) return false;
  free_at = std::max(free_at, now) + kStep;
  return true;
}

}  // namespace sallyport::observe
