#include "session/subscribe_window.h"

#include <algorithm>
#include <utility>

namespace sallyport {

bool SubscribeWindow::contains(std::uint16_t packet_id) const {
  return std::ranges::find(pending_, packet_id, &Pending::packet_id) != pending_.end();
}

bool SubscribeWindow::contains_reduced(std::uint16_t packet_id) const {
  const auto at = std::ranges::find(pending_, packet_id, &Pending::packet_id);
  return at != pending_.end() && at->reduced;
}

void SubscribeWindow::add(std::uint16_t packet_id, Codes codes) {
  // What is only followed makes room: a repeated identifier of 3.x.
  if (contains(packet_id)) static_cast<void>(take(packet_id));
  pending_.push_back({packet_id, std::move(codes), true});
  ++reduced_;
}

void SubscribeWindow::follow(std::uint16_t packet_id, std::uint16_t count) {
  if (pending_.size() - reduced_ >= maximum_ || contains(packet_id)) return;
  pending_.push_back({packet_id, Codes(count, kForwarded), false});
}

SubscribeWindow::Codes SubscribeWindow::take(std::uint16_t packet_id) {
  const auto at = std::ranges::find(pending_, packet_id, &Pending::packet_id);
  if (at == pending_.end()) return {};
  Codes codes = std::move(at->codes);
  if (at->reduced) --reduced_;
  pending_.erase(at);
  if (pending_.empty()) pending_.shrink_to_fit();  // an idle session owns no memory
  return codes;
}

std::size_t SubscribeWindow::forwarded(const Codes& codes) {
  return static_cast<std::size_t>(std::ranges::count(codes, kForwarded));
}

void SubscribeWindow::merge(Codes& codes, Bytes from_broker) {
  std::size_t next = 0;
  for (std::uint8_t& code : codes) {
    if (code != kForwarded) continue;
    code = next < from_broker.size() ? from_broker[next++] : mqtt::kSubackFailure;
  }
}

std::size_t SubscribeWindow::memory() const {
  std::size_t total = pending_.capacity() * sizeof(Pending);
  for (const Pending& pending : pending_) total += pending.codes.capacity();
  return total;
}

}  // namespace sallyport
