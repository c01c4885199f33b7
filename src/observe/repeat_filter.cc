#include "observe/repeat_filter.h"

#include <algorithm>

#include "sallyport/bytes.h"

namespace sallyport::observe {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t at_least_one(std::uint32_t value) { return std::max<std::int64_t>(value, 1); }

}  // namespace

RepeatFilter::Table::Table() : slots_(std::make_unique<Slot[]>(kWays * kSets)) {}

std::int64_t& RepeatFilter::Table::free_at(std::uint64_t key) {
  Slot* const set = &slots_[key % kSets * kWays];
  Slot* least = set;
  for (Slot* slot = set; slot != set + kWays; ++slot) {
    if (slot->key == key) return slot->free_at;
    if (slot->free_at < least->free_at) least = slot;
  }
  *least = {.key = key, .free_at = 0};
  return least->free_at;
}

RepeatFilter::RepeatFilter(const settings::AuditLimits& limits, const HashKey& key)
    : key_(key),
      step_(kSecond / at_least_one(limits.per_second)),
      ahead_(step_ * (at_least_one(limits.burst) - 1)),
      crowd_step_(kSecond / (at_least_one(limits.per_second) * at_least_one(limits.crowd))),
      crowd_ahead_(crowd_step_ * (at_least_one(limits.burst) * at_least_one(limits.crowd) - 1)) {}

RepeatKey RepeatFilter::key(const Identity& identity, bool begun, std::uint8_t kind,
                            std::string_view cause) const {
  const auto then = [this](std::uint64_t before, std::string_view text) {
    return siphash({key_[0] ^ before, key_[1]}, text);
  };
  const std::string_view username =
      identity.username ? std::string_view(*identity.username) : std::string_view();
  std::uint64_t holder = 0;
  if (identity.certificate) {
    holder = then(0, identity.certificate->fingerprint);
  } else {
    const auto prefix = counted_prefix(identity);
    holder = then(0, prefix ? as_text(prefix->network.bytes) : identity.address);
    if (begun) holder = then(holder, username);
  }
  const std::uint64_t everyone = cause_key(kind, cause);
  const std::uint64_t crowd =
      then(everyone, std::string_view(reinterpret_cast<const char*>(&holder), sizeof holder));
  return {.client = then(then(crowd, username), identity.client_id),
          .crowd = crowd,
          .everyone = everyone,
          .holder = holder};
}

std::uint64_t RepeatFilter::cause_key(std::uint8_t kind, std::string_view cause) const {
  return siphash({key_[0] ^ (std::uint64_t{kind} + 1), key_[1]}, cause);
}

RepeatFilter::Answer RepeatFilter::pass(const RepeatKey& key, bool as_crowd, std::int64_t now) {
  std::int64_t& client = clients_.free_at(key.client);
  if (client - now > ahead_) return Answer::client_repeats;
  if (as_crowd) {
    std::int64_t& crowd = crowds_.free_at(key.crowd);
    if (crowd - now > crowd_ahead_) return Answer::crowd_repeats;
    crowd = std::max(crowd, now) + crowd_step_;
  }
  client = std::max(client, now) + step_;
  return Answer::write;
}

}  // namespace sallyport::observe
