#include "session/delivery_window.h"

#include <algorithm>

namespace sallyport {

namespace {

// Deliveries to the client that are followed at once. A broker with a wider window loses the order
// of the gateway's own acknowledgements beyond this, nothing else; dropped ones are always followed
// (their number is bounded by the 65,535 packet identifiers).
constexpr std::size_t kFollowed = 1024;
}  // namespace

DeliveryWindow::Iterator DeliveryWindow::find(std::uint16_t packet_id) {
  return std::ranges::find(entries_, packet_id, &Entry::packet_id);
}

bool DeliveryWindow::in_use(std::uint16_t packet_id) const {
  return std::ranges::find(entries_, packet_id, &Entry::packet_id) != entries_.end();
}

bool DeliveryWindow::with_client(std::uint16_t packet_id) const {
  const auto at = std::ranges::find(entries_, packet_id, &Entry::packet_id);
  return at != entries_.end() && (at->state == State::with_client || at->state == State::received);
}

void DeliveryWindow::forget(std::uint16_t packet_id) {
  const auto at = find(packet_id);
  if (at != entries_.end()) entries_.erase(at);
}

void DeliveryWindow::deliver(std::uint16_t packet_id, std::uint8_t qos) {
  forget(packet_id);  // a delivery with DUP, or an identifier that is used again
  if (entries_.size() < kFollowed) entries_.push_back({packet_id, qos, State::with_client});
}

void DeliveryWindow::drop(std::uint16_t packet_id, std::uint8_t qos) {
  forget(packet_id);
  entries_.push_back({packet_id, qos, State::owed});
}

bool DeliveryWindow::client_puback(std::uint16_t packet_id) {
  const auto at = find(packet_id);
  if (at == entries_.end()) return true;
  if (at->state != State::with_client || at->qos != 1) return false;
  entries_.erase(at);
  return true;
}

bool DeliveryWindow::client_pubrec(std::uint16_t packet_id, bool ends) {
  const auto at = find(packet_id);
  if (at == entries_.end()) return true;
  if (at->qos != 2 || at->state == State::owed || at->state == State::dropped) return false;
  if (ends) {
    entries_.erase(at);
  } else {
    at->state = State::received;
  }
  return true;
}

bool DeliveryWindow::client_pubcomp(std::uint16_t packet_id) {
  const auto at = find(packet_id);
  if (at == entries_.end()) return true;
  if (at->state != State::received) return false;
  entries_.erase(at);
  return true;
}

bool DeliveryWindow::broker_pubrel(std::uint16_t packet_id) {
  const auto at = find(packet_id);
  if (at == entries_.end() || at->state != State::dropped) return false;
  entries_.erase(at);
  return true;
}

bool DeliveryWindow::take_owed(Owed& out) {
  bool qos1_waits = false;
  bool qos2_waits = false;
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    bool& waits = at->qos == 1 ? qos1_waits : qos2_waits;
    if (at->state == State::with_client) waits = true;
    if (qos1_waits && qos2_waits) return false;
    if (at->state != State::owed || waits) continue;
    out.packet_id = at->packet_id;
    if (at->qos == 1) {
      out.type = mqtt::PacketType::puback;
      entries_.erase(at);
    } else {
      out.type = mqtt::PacketType::pubrec;
      at->state = State::dropped;
    }
    return true;
  }
  return false;
}

}  // namespace sallyport
