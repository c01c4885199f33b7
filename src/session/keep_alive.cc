#include "session/keep_alive.h"

#include <algorithm>
#include <utility>

namespace sallyport {

namespace {

constexpr Duration kHalfSecond = std::chrono::milliseconds(500);

}  // namespace

void KeepAlive::open(std::uint16_t broker_seconds, std::uint16_t client_seconds, Instant now) {
  broker_seconds_ = broker_seconds;
  client_seconds_ = client_seconds;
  last_from_client_ = now;
}

void KeepAlive::set_reading(bool reading, Instant now) {
  if (client_unread_ == !reading) return;
  client_unread_ = !reading;
  if (reading) excuse_client(now);
}

bool KeepAlive::broker_starves(Instant now) const {
  return client_seconds_ != 0 && broker_seconds_ != 0 &&
         now - last_to_broker_ >= std::chrono::seconds(broker_seconds_);
}

Instant KeepAlive::client_deadline() const {
  if (client_seconds_ == 0 || client_unread_) return kNever;
  return last_from_client_ + 3 * kHalfSecond * client_seconds_;
}

Instant KeepAlive::ping_due() const {
  if (client_seconds_ == 0 || broker_seconds_ == 0) return kNever;
  // No PINGREQ while the client is silent, for it may be dead. But where CONNACK told it a longer
  // keep-alive than it asked the broker for, it may be silent for longer than the broker waits.
  if (client_seconds_ <= broker_seconds_ && last_from_client_ <= last_to_broker_) return kNever;
  return last_to_broker_ + std::chrono::seconds(broker_seconds_);
}

Duration KeepAlive::longest_pause(Duration without) const {
  const Duration pause = broker_seconds_ == 0 ? without : kHalfSecond * broker_seconds_;
  return client_seconds_ == 0 ? pause : std::min(pause, kHalfSecond * client_seconds_);
}

bool KeepAlive::begin_own_ping(Instant now) {
  last_to_broker_ = now;
  return !std::exchange(own_ping_, true);
}

bool KeepAlive::answers_client() {
  if (pings_before_own_ != 0) {
    --pings_before_own_;
    return true;
  }
  if (!own_ping_) return true;  // of an unknown PINGREQ: not the gateway's
  own_ping_ = false;
  pings_before_own_ = std::exchange(pings_after_own_, 0);
  return false;
}

}  // namespace sallyport
