#include "session/subscribe_window.h"

#include <algorithm>
#include <utility>

#include "sallyport/mqtt.h"

namespace sallyport {

bool SubscribeWindow::contains(std::uint16_t packet_id) const {
  return std::ranges::find(pending_, packet_id, &Pending::packet_id) != pending_.end();
}

bool SubscribeWindow::contains_reduced(std::uint16_t packet_id) const {
  const auto at = std::ranges::find(pending_, packet_id, &Pending::packet_id);
  return at != pending_.end() && at->reduced();
}

void SubscribeWindow::add(std::uint16_t packet_id, Request request) {
  // What is only followed makes room: a repeated identifier of 3.x.
  const auto at = std::ranges::find(pending_, packet_id, &Pending::packet_id);
  if (at != pending_.end()) static_cast<void>(remove(at));
  pending_.push_back({packet_id, std::move(request)});
  ++reduced_;
}

void SubscribeWindow::follow(std::uint16_t packet_id, mqtt::PacketType type, std::uint32_t count) {
  if (pending_.size() - reduced_ >= maximum_ || contains(packet_id)) return;
  pending_.push_back({packet_id, {.type = type, .codes = {}, .forwarded = count}});
}

std::optional<SubscribeWindow::Request> SubscribeWindow::take(std::uint16_t packet_id,
                                                              mqtt::PacketType type) {
  const auto at = std::ranges::find(pending_, packet_id, &Pending::packet_id);
  if (at == pending_.end() || at->request.type != type) return std::nullopt;
  return remove(at);
}

SubscribeWindow::Request SubscribeWindow::remove(std::vector<Pending>::iterator at) {
  if (at->reduced()) --reduced_;
  Request request = std::move(at->request);
  pending_.erase(at);
  if (pending_.empty()) pending_.shrink_to_fit();  // an idle session owns no memory
  return request;
}

SubscribeWindow::Codes SubscribeWindow::Request::answer(Bytes from_broker) const {
  Codes all = codes.empty() ? Codes(forwarded, kForwarded) : codes;
  std::size_t next = 0;
  for (std::uint8_t& code : all) {
    if (code != kForwarded) continue;
    code = next < from_broker.size() ? from_broker[next++] : mqtt::kSubackFailure;
  }
  all.resize(all.size() + behind, over_code);
  return all;
}

std::size_t SubscribeWindow::memory() const {
  std::size_t total = pending_.capacity() * sizeof(Pending);
  for (const Pending& pending : pending_) total += pending.request.codes.capacity();
  return total;
}

}  // namespace sallyport
