#include "session/delivery_window.h"

#include <algorithm>

namespace sallyport {

DeliveryWindow::Iterator DeliveryWindow::find(std::uint16_t packet_id) {
  return std::ranges::find(entries_, packet_id, &Entry::packet_id);
}

bool DeliveryWindow::in_use(std::uint16_t packet_id) const {
  return std::ranges::find(entries_, packet_id, &Entry::packet_id) != entries_.end();
}

bool DeliveryWindow::with_client(std::uint16_t packet_id) const {
  const auto at = std::ranges::find(entries_, packet_id, &Entry::packet_id);
  return at != entries_.end() && !is_own(at->state);
}

void DeliveryWindow::forget(std::uint16_t packet_id) {
  const auto at = find(packet_id);
  if (at != entries_.end()) entries_.erase(at);
}

void DeliveryWindow::deliver(std::uint16_t packet_id, std::uint8_t qos) {
  forget(packet_id);  // a delivery with DUP, or an identifier that is used again
  if (entries_.size() < maximum_) entries_.push_back({packet_id, qos, State::with_client});
}

void DeliveryWindow::drop(std::uint16_t packet_id, std::uint8_t qos) {
  forget(packet_id);
  entries_.push_back({packet_id, qos, State::owed});
}

DeliveryWindow::Answer DeliveryWindow::client_puback(std::uint16_t packet_id) {
  const auto at = find(packet_id);
  if (at == entries_.end()) return Answer::fits;
  if (is_own(at->state)) return Answer::unasked;
  if (at->qos != 1) return Answer::is_wrong;
  entries_.erase(at);
  return Answer::fits;
}

DeliveryWindow::Answer DeliveryWindow::client_pubrec(std::uint16_t packet_id, bool ends) {
  const auto at = find(packet_id);
  if (at == entries_.end()) return Answer::fits;
  if (is_own(at->state)) return Answer::unasked;
  if (at->qos != 2) return Answer::is_wrong;
  if (ends) {
    entries_.erase(at);
  } else if (at->state == State::with_client) {
    at->state = State::received;  // one that comes again, as 3.1 repeats it, changes nothing
  }
  return Answer::fits;
}

DeliveryWindow::Answer DeliveryWindow::client_pubcomp(std::uint16_t packet_id) {
  const auto at = find(packet_id);
  if (at == entries_.end()) return Answer::fits;
  if (is_own(at->state)) return Answer::unasked;
  if (at->state != State::released) return Answer::is_wrong;
  entries_.erase(at);
  return Answer::fits;
}

bool DeliveryWindow::broker_pubrel(std::uint16_t packet_id) {
  const auto at = find(packet_id);
  if (at == entries_.end()) return false;
  if (at->state == State::received) {
    at->state = State::released;
    return false;
  }
  if (at->state == State::dropped) {
    entries_.erase(at);
    return true;
  }
  // Not the broker's turn. What the client makes of it is not held against the client.
  if (at->state == State::with_client) entries_.erase(at);
  return false;
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
