#include "session/publish_window.h"

#include <algorithm>

namespace sallyport {

namespace {

// Finished refusals that are remembered for a repeated PUBREL.
constexpr std::size_t kRemembered = 16;
}  // namespace

bool PublishWindow::with_broker(std::uint16_t packet_id) const {
  return std::ranges::find(with_broker_, packet_id) != with_broker_.end();
}

bool PublishWindow::refused(std::uint16_t packet_id) const {
  return std::ranges::find(refused_, packet_id, &Refused::packet_id) != refused_.end();
}

void PublishWindow::forward(std::uint16_t packet_id) {
  // The client uses the identifier anew: what was refused under it is over.
  const auto old = std::ranges::find(refused_, packet_id, &Refused::packet_id);
  if (old != refused_.end()) {
    if (!old->released) --open_refusals_;
    refused_.erase(old);
  }
  if (!with_broker(packet_id)) with_broker_.push_back(packet_id);
}

void PublishWindow::complete(std::uint16_t packet_id) {
  const auto at = std::ranges::find(with_broker_, packet_id);
  if (at != with_broker_.end()) with_broker_.erase(at);
}

void PublishWindow::refuse(std::uint16_t packet_id) {
  const auto old = std::ranges::find(refused_, packet_id, &Refused::packet_id);
  if (old != refused_.end()) {
    if (!old->released) return;
    refused_.erase(old);
  } else if (refused_.size() - open_refusals_ >= kRemembered) {
    refused_.erase(std::ranges::find(refused_, true, &Refused::released));
  }
  refused_.push_back({packet_id, false});
  ++open_refusals_;
}

bool PublishWindow::release_refused(std::uint16_t packet_id) {
  const auto at = std::ranges::find(refused_, packet_id, &Refused::packet_id);
  if (at == refused_.end()) return false;
  if (!at->released) {
    at->released = true;
    --open_refusals_;
  }
  return true;
}

std::size_t PublishWindow::memory() const {
  return with_broker_.capacity() * sizeof(std::uint16_t) + refused_.capacity() * sizeof(Refused);
}

}  // namespace sallyport
