// Everything that depends on time: deadlines, keep-alive on both sides, the end of a throttle. All
// of it is arithmetic on times that were passed in; wake_at() is worked out when it is asked for,
// so a packet moves no timer.

#include <algorithm>

#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::ReasonCode;

/// A client whose every packet is refused sends nothing to the broker, which would take it for
/// dead. While the client keeps itself alive, so does the gateway towards the broker.
void Session::Impl::note_client_packet(Instant now, Turn& turn) {
  if (state_ == State::open && keep_alive_.broker_starves(now)) ping_broker(now, turn);
}

void Session::Impl::ping_broker(Instant now, Turn& turn) {
  if (keep_alive_.begin_own_ping(now)) reply(Side::broker, turn, mqtt::encode_pingreq);
}

Instant Session::Impl::keep_alive_deadline() const {
  return from_[Side::client].throttled() ? kNever : keep_alive_.client_deadline();
}

Instant Session::Impl::wake_at() const {
  if (state_ == State::closed) return kNever;
  Instant at = std::min(deadline_, std::min(keep_alive_deadline(), keep_alive_.ping_due()));
  for (const Direction& way : from_) {
    if (way.throttled()) at = std::min(at, way.throttled_until);
  }
  return at;
}

void Session::Impl::set_reading(Side side, bool reading, Instant now) {
  if (side == Side::client) keep_alive_.set_reading(reading, now);
}

void Session::Impl::tick(Instant now, Turn& turn) {
  if (state_ == State::closed) return;
  for (const Side side : {Side::client, Side::broker}) {
    Direction& way = from_[side];
    if (!way.throttled() || now < way.throttled_until) continue;
    way.throttled_until = Instant{};
    if (side == Side::client) keep_alive_.excuse_client(now);
  }
  if (now >= deadline_) return miss_deadline(turn);
  if (now >= keep_alive_deadline()) {
    report(Side::client, PacketType::pingreq, ReasonCode::keep_alive_timeout,
           cause_of(Check::keep_alive));
    return dismiss(ReasonCode::keep_alive_timeout,
                   {Side::client, CloseKind::keep_alive, to_string(Check::keep_alive)}, turn);
  }
  if (now >= keep_alive_.ping_due()) ping_broker(now, turn);
}

/// What a state waits for has not come in time; once open, the time of the login is over.
void Session::Impl::miss_deadline(Turn& turn) {
  if (state_ == State::authenticating) {
    events_.on_login(who(), LoginAnswer::unavailable, options_.login_timeout);
  }
  struct Missed {
    Side from;
    PacketType packet;
    ReasonCode reason;
    Check check;
    CloseKind kind;
  };
  const auto missed = [this]() -> Missed {
    switch (state_) {
      case State::awaiting_connect:
        return {Side::client, PacketType::connect, ReasonCode::server_unavailable,
                Check::connect_timeout, CloseKind::connect_timeout};
      case State::authenticating:
        return {Side::client, PacketType::connect, ReasonCode::server_unavailable,
                Check::login_timeout, CloseKind::login_unavailable};
      case State::open:
        // 0xA0 says that the time for which the connection was authorized is over, so that the
        // client knows that it may come back with a new login; 0x87 would say that it may not.
        return {Side::client, PacketType::reserved, ReasonCode::maximum_connect_time,
                Check::login_expired, CloseKind::refused};
      default:
        return {Side::broker, PacketType::connack, ReasonCode::server_unavailable,
                Check::broker_timeout, CloseKind::broker_unavailable};
    }
  }();
  report(missed.from, missed.packet, missed.reason, cause_of(missed.check));
  dismiss(missed.reason, {missed.from, missed.kind, to_string(missed.check)}, turn);
}

}  // namespace sallyport
