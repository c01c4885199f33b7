// Acknowledgements, PINGREQ and PINGRESP, DISCONNECT, AUTH.

#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::ReasonCode;

namespace {

/// Ends a QoS 2 exchange where it stands in a PUBREC. [MQTT-4.3.3-4]
bool is_error(ReasonCode reason) { return static_cast<std::uint8_t>(reason) >= 0x80; }

/// Makes room for another message of the one who is acknowledged. 4.9 (5.0)
bool ends_message(const mqtt::Ack& ack) {
  return ack.type == PacketType::puback || ack.type == PacketType::pubcomp ||
         (ack.type == PacketType::pubrec && is_error(ack.reason));
}

}  // namespace

/// Passes on a PUBACK of the broker's without reason code and properties: four bytes that need no
/// decoding. Returns the number of bytes taken; returns 0 if the input begins with something else.
std::size_t Session::Impl::pass_puback(Bytes in, Instant now, Turn& turn) {
  constexpr std::size_t kSize = 4;
  if (in.size() < kSize || in[0] != 0x40 || in[1] != kSize - 2 || (in[2] | in[3]) == 0 ||
      largest(Side::broker) < kSize) {
    return 0;
  }
  from_[Side::client].quota.give_back();
  from_[Side::broker].outlet.forward(in.first(kSize), 0, true, turn.to_client);
  note_packet(Side::broker, PacketType::puback, kSize);
  note_answer(PacketType::puback, static_cast<std::uint16_t>(in[2] << 8 | in[3]), now);
  return kSize;
}

Session::Impl::Fate Session::Impl::on_ack(const Arrival& a) {
  CheckSet odd;
  const auto decoded =
      mqtt::decode_ack(a.frame, a.from, version_, decode_bounds(a.from), tolerance(a.from, odd));
  if (!decoded) return malformed(a, decoded.error());
  if (tells_unasked(a, decoded->properties) && !tolerate(a, Check::property_unknown)) {
    return malformed(a, {Check::property_unknown, ReasonCode::protocol_error});
  }
  note_tolerated(a, odd);
  return a.from == Side::client ? on_client_ack(a, *decoded) : on_broker_ack(a, *decoded);
}

Session::Impl::Fate Session::Impl::on_client_ack(const Arrival& a, const mqtt::Ack& ack) {
  using Answer = DeliveryWindow::Answer;
  Answer answer = Answer::fits;
  switch (ack.type) {
    case PacketType::puback:
      answer = deliveries_.client_puback(ack.packet_id);
      break;
    case PacketType::pubrec:
      answer = deliveries_.client_pubrec(ack.packet_id, is_error(ack.reason));
      break;
    case PacketType::pubcomp:
      answer = deliveries_.client_pubcomp(ack.packet_id);
      break;
    default:
      if (!publishes_.release_refused(ack.packet_id)) return forward(a);
      return complete(a, ack.packet_id);
  }
  if (answer == Answer::is_wrong) {
    // The message would be open for ever: its sender takes no notice of such an answer, or ends the
    // connection for it. 4.3.2, 4.3.3, 4.13 (5.0)
    return malformed(a, {Check::wrong_ack, ReasonCode::protocol_error});
  }
  if (answer == Answer::unasked) {
    // Passed on, it would acknowledge to the broker what the gateway acknowledges itself.
    report_refusal(a, Action::drop, ReasonCode::protocol_error, cause_of(Check::unexpected_ack),
                   {});
    return Fate::consumed;
  }
  if (ends_message(ack)) from_[Side::broker].quota.give_back();
  const Fate fate = forward(a);
  pay_owed(a.turn);
  return fate;
}

Session::Impl::Fate Session::Impl::on_broker_ack(const Arrival& a, const mqtt::Ack& ack) {
  return note_broker_ack(ack, a.now, a.turn) ? forward(a) : complete(a, ack.packet_id);
}

void Session::Impl::note_broker_code(PacketType answer, ReasonCode code) {
  if (is_error(code)) events_.on_broker_refusal(who(), answer, code);
  broker_code_ = static_cast<std::uint8_t>(code);
}

/// Keeps account of an acknowledgement of the broker's. Returns whether it is for the client; if
/// not, it is a PUBREL of an exchange of the gateway's own.
bool Session::Impl::note_broker_ack(const mqtt::Ack& ack, Instant now, Turn& turn) {
  note_answer(ack.type, ack.packet_id, now);
  if (ends_message(ack)) from_[Side::client].quota.give_back();
  if (is_error(ack.reason)) note_broker_code(ack.type, ack.reason);
  switch (ack.type) {
    case PacketType::pubrec:
      if (is_error(ack.reason)) publishes_.complete(ack.packet_id);
      return true;
    case PacketType::pubcomp:
      publishes_.complete(ack.packet_id);
      return true;
    case PacketType::pubrel:
      if (deliveries_.broker_pubrel(ack.packet_id)) return false;
      pay_owed(turn);
      return true;
    default:
      return true;
  }
}

/// Ends a QoS 2 exchange of the gateway's own with whoever has sent PUBREL.
Session::Impl::Fate Session::Impl::complete(const Arrival& a, std::uint16_t packet_id) {
  reply(a.from, a.turn, [&](Buffer& out) {
    mqtt::encode_ack(PacketType::pubcomp, version_, packet_id, ReasonCode::success, out);
  });
  return Fate::consumed;
}

Session::Impl::Fate Session::Impl::on_pingreq(const Arrival& a) {
  Budget::Exceeded over;
  const RateAnswer rate = admit_rate(a, grants_->role_limits(), over);
  if (rate == RateAnswer::later) return Fate::later;
  charge_role(a, over);
  if (rate == RateAnswer::over) {
    if (refuse_over(a, over)) return Fate::consumed;
    // The client is alive and is told so; only the broker is spared. [MQTT-3.12.4-1]
    reply(Side::client, a.turn, mqtt::encode_pingresp);
    return Fate::consumed;
  }
  keep_alive_.client_ping();
  return forward(a);
}

Session::Impl::Fate Session::Impl::on_pingresp(const Arrival& a) {
  return keep_alive_.answers_client() ? forward(a) : Fate::consumed;
}

Session::Impl::Fate Session::Impl::on_disconnect(const Arrival& a) {
  CheckSet odd;
  const auto decoded = mqtt::decode_disconnect(a.frame, a.from, version_, decode_bounds(a.from),
                                               tolerance(a.from, odd));
  if (!decoded) return malformed(a, decoded.error());
  note_tolerated(a, odd);
  // A session that CONNECT let expire at once cannot be kept alive now. 3.14.2.2.2 (5.0)
  if (a.from == Side::client && asked_.session_expires &&
      decoded->session_expiry.value_or(0) != 0) {
    return malformed(a, {Check::property_value, ReasonCode::protocol_error});
  }
  // The broker discards the Will, as with every DISCONNECT of 3.x. [MQTT-3.14.4-3 (3.1.1)] Any
  // other reason leaves it to be published, and so does a DISCONNECT of the broker's own.
  // [MQTT-3.14.4-3]
  if (a.from == Side::client && decoded->reason == ReasonCode::success) will_.reset();
  if (a.from == Side::broker) note_broker_code(a.type(), decoded->reason);
  const Fate fate = forward_referring(a, decoded->properties);
  close({a.from, CloseKind::disconnect, {}}, a.turn);
  return fate;
}

Session::Impl::Fate Session::Impl::on_auth(const Arrival& a) {
  // [MQTT-4.12.0-6]: no AUTH where CONNECT named no method.
  if (auth_method_ == nullptr) {
    return malformed(a, {Check::auth_method, ReasonCode::protocol_error});
  }
  const auto decoded = mqtt::decode_auth(a.frame, a.from, decode_bounds(a.from));
  if (!decoded) return malformed(a, decoded.error());
  if (tells_unasked(a, decoded->properties) && !tolerate(a, Check::property_unknown)) {
    return malformed(a, {Check::property_unknown, ReasonCode::protocol_error});
  }
  // CONNACK is what ends this, one way or the other. [MQTT-4.12.0-2] [MQTT-4.12.0-3]
  if (state_ != State::open && decoded->reason != ReasonCode::continue_authentication) {
    return malformed(a, {Check::reason_code, ReasonCode::protocol_error});
  }
  if (decoded->authentication_method != *auth_method_) {  // [MQTT-4.12.0-5]
    return malformed(a, {Check::auth_method, ReasonCode::protocol_error});
  }
  if (a.from == Side::broker) return forward(a);

  Budget::Exceeded over;
  const RateAnswer rate = admit_rate(a, grants_->role_limits(), over);
  if (rate == RateAnswer::later) return Fate::later;
  charge_role(a, over);
  if (rate == RateAnswer::over) {
    // An exchange with a missing step cannot go on, so `drop` ends it.
    over.action = Action::disconnect;
    static_cast<void>(refuse_over(a, over));
    return Fate::consumed;
  }
  return forward(a);
}

}  // namespace sallyport
