#include "session/subscribe_window.h"

#include <algorithm>
#include <utility>

namespace sallyport {

bool SubscribeWindow::contains(std::uint16_t packet_id) const {
  return std::ranges::find(pending_, packet_id, &Pending::packet_id) != pending_.end();
}

void SubscribeWindow::add(std::uint16_t packet_id, Codes codes) {
  pending_.push_back({packet_id, std::move(codes)});
}

SubscribeWindow::Codes SubscribeWindow::take(std::uint16_t packet_id) {
  const auto at = std::ranges::find(pending_, packet_id, &Pending::packet_id);
  if (at == pending_.end()) return {};
  Codes codes = std::move(at->codes);
  pending_.erase(at);
  return codes;
}

bool SubscribeWindow::merge(Codes& codes, Bytes from_broker) {
  std::size_t next = 0;
  for (std::uint8_t& code : codes) {
    if (code != kForwarded) continue;
    if (next == from_broker.size()) return false;
    code = from_broker[next++];
  }
  return next == from_broker.size();
}

std::size_t SubscribeWindow::memory() const {
  std::size_t total = pending_.capacity() * sizeof(Pending);
  for (const Pending& pending : pending_) total += pending.codes.capacity();
  return total;
}

}  // namespace sallyport
