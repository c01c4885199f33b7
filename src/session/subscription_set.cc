#include "session/subscription_set.h"

#include <algorithm>

namespace sallyport {

bool SubscriptionSet::subscribe(std::uint16_t packet_id, std::uint32_t index,
                                std::string_view filter) {
  const std::uint64_t hash = siphash(key_, filter);
  const auto at = std::ranges::lower_bound(held_, hash);
  if (at != held_.end() && *at == hash) {
    // It is held, or another request asks for it or gives it up. Whatever becomes of that one, this
    // one may be granted: only an UNSUBSCRIBE that comes later can free it.
    settle(hash);
    return true;
  }
  if (held_.size() >= maximum_) return false;
  held_.insert(at, hash);
  ask({hash, index, packet_id, false});
  return true;
}

void SubscriptionSet::unsubscribe(std::uint16_t packet_id, std::uint32_t index,
                                  std::string_view filter) {
  const std::uint64_t hash = siphash(key_, filter);
  if (!std::ranges::binary_search(held_, hash)) return;
  ask({hash, index, packet_id, true});
}

void SubscriptionSet::ask(const Asked& asked) {
  const auto at = std::ranges::lower_bound(asked_, asked.hash, {}, &Asked::hash);
  if (at != asked_.end() && at->hash == asked.hash) {
    *at = asked;  // the latest counts
  } else {
    asked_.insert(at, asked);
  }
}

void SubscriptionSet::begin(mqtt::PacketType type, std::uint16_t packet_id) {
  const bool leaves = type == mqtt::PacketType::unsubscribe;
  std::erase_if(asked_, [&](const Asked& asked) {
    return asked.packet_id == packet_id && asked.leaves == leaves;
  });
}

void SubscriptionSet::answered(mqtt::PacketType type, std::uint16_t packet_id, Bytes codes) {
  const bool leaves = type == mqtt::PacketType::unsuback;
  std::erase_if(asked_, [&](const Asked& asked) {
    if (asked.packet_id != packet_id || asked.leaves != leaves) return false;
    const bool refused = asked.index < codes.size() && codes[asked.index] >= 0x80;
    if (refused != leaves) release(asked.hash);
    return true;
  });
  if (asked_.empty()) asked_.shrink_to_fit();  // an idle session owns no memory for these
}

/// What was asked of this filter matters no more: it is held.
void SubscriptionSet::settle(std::uint64_t hash) {
  const auto at = std::ranges::lower_bound(asked_, hash, {}, &Asked::hash);
  if (at != asked_.end() && at->hash == hash) asked_.erase(at);
}

void SubscriptionSet::release(std::uint64_t hash) {
  const auto at = std::ranges::lower_bound(held_, hash);
  if (at == held_.end() || *at != hash) return;
  held_.erase(at);
  if (held_.empty()) held_.shrink_to_fit();
}

std::size_t SubscriptionSet::memory() const {
  return held_.capacity() * sizeof(std::uint64_t) + asked_.capacity() * sizeof(Asked);
}

}  // namespace sallyport
