// Everything that depends on time: deadlines, keep-alive on both sides, throttling. All of it is
// arithmetic on times that were passed in; wake_at() is worked out when it is asked for, so a
// packet moves no timer.

#include <algorithm>

#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::ReasonCode;

/// A client whose every packet is refused sends nothing to the broker, which would take it for
/// dead. While the client keeps itself alive, so does the gateway towards the broker.
void Session::Impl::note_client_packet(Instant now, Turn& turn) {
  if (state_ != State::open || keep_alive_ == 0) return;
  if (now - last_to_broker_ >= std::chrono::seconds(keep_alive_)) ping_broker(now, turn);
}

void Session::Impl::ping_broker(Instant now, Turn& turn) {
  last_to_broker_ = now;
  if (own_ping_) return;  // one at a time; an answer is still due
  own_ping_ = true;
  scratch_.clear();
  mqtt::encode_pingreq(scratch_);
  inject(Side::broker, scratch_, turn);
}

/// One and a half times the keep-alive without a packet. [MQTT-3.1.2-24] (3.1.1),
/// [MQTT-3.1.2-22] (5.0)
Instant Session::Impl::keep_alive_deadline() const {
  if (state_ != State::open || client_unread_ || throttled_until_[0] != Instant{}) return kNever;
  return last_from_client_ + std::chrono::milliseconds(1500) * client_keep_alive_;
}

Instant Session::Impl::ping_due() const {
  if (state_ != State::open || keep_alive_ == 0) return kNever;
  // The client is silent, or was heard; but where CONNACK told it a longer keep-alive than it asked
  // the broker for, its silence is as it should be.
  if (client_keep_alive_ <= keep_alive_ && last_from_client_ <= last_to_broker_) return kNever;
  return last_to_broker_ + std::chrono::seconds(keep_alive_);
}

Instant Session::Impl::wake_at() const {
  if (state_ == State::closed) return kNever;
  Instant at = std::min({deadline_, keep_alive_deadline(), ping_due()});
  for (const Instant until : throttled_until_) {
    if (until != Instant{}) at = std::min(at, until);
  }
  return at;
}

void Session::Impl::set_reading(Side side, bool reading, Instant now) {
  if (side != Side::client || client_unread_ == !reading) return;
  client_unread_ = !reading;
  if (reading) last_from_client_ = now;
}

void Session::Impl::tick(Instant now, Turn& turn) {
  if (state_ == State::closed) return;
  for (Instant& until : throttled_until_) {
    if (until == Instant{} || now < until) continue;
    until = Instant{};
    // Its silence was the gateway's doing.
    if (&until == &throttled_until_[0]) last_from_client_ = now;
  }
  if (now >= deadline_) {
    const bool connect_missing = state_ == State::awaiting_connect;
    const Check check = connect_missing ? Check::connect_timeout : Check::broker_timeout;
    report(connect_missing ? Side::client : Side::broker,
           connect_missing ? PacketType::connect : PacketType::connack,
           ReasonCode::server_unavailable, cause_of(check));
    if (!connect_missing) reject_client(ReasonCode::server_unavailable, turn);
    close({connect_missing ? Side::client : Side::broker,
           connect_missing ? CloseKind::connect_timeout : CloseKind::broker_unavailable,
           to_string(check)},
          turn);
    return;
  }
  if (now >= keep_alive_deadline()) {
    report(Side::client, PacketType::pingreq, ReasonCode::keep_alive_timeout,
           cause_of(Check::keep_alive));
    say_goodbye(ReasonCode::keep_alive_timeout, turn);
    close({Side::client, CloseKind::keep_alive, to_string(Check::keep_alive)}, turn);
    return;
  }
  if (now >= ping_due()) ping_broker(now, turn);
}

}  // namespace sallyport
