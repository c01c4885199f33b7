#include "proxy/connection_count.h"

#include <cstring>

namespace sallyport::proxy {

namespace {

in6_addr key_of(const net::Address& peer) {
  in6_addr key = peer.as_v6();
  if (!IN6_IS_ADDR_V4MAPPED(&key)) std::memset(&key.s6_addr[8], 0, 8);
  return key;
}

}  // namespace

std::size_t ConnectionCount::Hash::operator()(const in6_addr& key) const {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, &key.s6_addr[0], sizeof(high));
  std::memcpy(&low, &key.s6_addr[8], sizeof(low));
  // The finish of splitmix64: neighbouring addresses end up in different shards.
  std::uint64_t x = high * 0x9E3779B97F4A7C15U + low;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return static_cast<std::size_t>(x ^ (x >> 31));
}

bool ConnectionCount::Equal::operator()(const in6_addr& a, const in6_addr& b) const {
  return std::memcmp(&a, &b, sizeof(a)) == 0;
}

std::expected<ConnectionCount::Slot, Check> ConnectionCount::enter(const net::Address& peer,
                                                                   std::uint32_t total,
                                                                   std::uint32_t per_address) {
  if (open_.fetch_add(1, std::memory_order_relaxed) >= total) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return std::unexpected(Check::max_connections);
  }
  const in6_addr key = key_of(peer);
  {
    // Counted without a limit too, so that a reload that sets one finds the right numbers.
    Shard& place = shard(key);
    const std::lock_guard lock(place.mutex);
    std::uint32_t& count = place.counts[key];
    if (per_address == 0 || count < per_address) {
      ++count;
      return Slot(*this, key);
    }
  }
  open_.fetch_sub(1, std::memory_order_relaxed);
  return std::unexpected(Check::max_connections_per_address);
}

void ConnectionCount::leave(const in6_addr& key) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  Shard& place = shard(key);
  const std::lock_guard lock(place.mutex);
  const auto found = place.counts.find(key);
  if (--found->second == 0) place.counts.erase(found);
}

}  // namespace sallyport::proxy
