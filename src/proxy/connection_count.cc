#include "proxy/connection_count.h"

#include <cstring>

namespace sallyport::proxy {

std::optional<TotalCount::Slot> TotalCount::enter(std::uint32_t most) {
  // Counted without a bound too, so that a reload that sets one finds the right number.
  Slot slot(*this);
  const std::uint32_t before = open_.fetch_add(1, std::memory_order_relaxed);
  if (most != 0 && before >= most) return std::nullopt;  // the slot gives back what it took
  return slot;
}

std::size_t AddressCount::Hash::operator()(const AddressPrefix& key) const {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, &key.network.bytes[0], sizeof(high));
  std::memcpy(&low, &key.network.bytes[8], sizeof(low));
  // The finish of splitmix64: neighbouring addresses end up in different shards.
  std::uint64_t x = high * 0x9E3779B97F4A7C15U + low + key.bits;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return static_cast<std::size_t>(x ^ (x >> 31));
}

std::optional<AddressCount::Slot> AddressCount::enter(const AddressPrefix& prefix,
                                                      std::uint32_t most) {
  Shard& place = shard(prefix);
  const std::lock_guard lock(place.mutex);
  // Counted without a bound too, as above.
  Entry& entry = *place.counts.try_emplace(prefix, 0).first;
  if (most != 0 && entry.second >= most) return std::nullopt;
  ++entry.second;
  return Slot(*this, entry);
}

std::size_t AddressCount::prefixes() {
  std::size_t total = 0;
  for (Shard& place : shards_) {
    const std::lock_guard lock(place.mutex);
    total += place.counts.size();
  }
  return total;
}

void AddressCount::leave(Entry& entry) {
  Shard& place = shard(entry.first);
  const std::lock_guard lock(place.mutex);
  if (--entry.second == 0) place.counts.erase(place.counts.find(entry.first));
}

}  // namespace sallyport::proxy
