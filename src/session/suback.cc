// SUBACK and UNSUBACK: the codes of the filters that the gateway has refused are put back in place,
// and the client gets a code for every filter, whatever the broker sends.

#include "mqtt/mend.h"
#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::Version;

namespace {

/// Returns the type of the packet that one of this type answers.
PacketType answered_by(PacketType answer) {
  return answer == PacketType::suback ? PacketType::subscribe : PacketType::unsubscribe;
}

}  // namespace

Session::Impl::Fate Session::Impl::on_suback(const Arrival& a) {
  CheckSet odd;
  const auto decoded = mqtt::decode_suback(a.frame, version_, decode_bounds(Side::broker),
                                           tolerance(Side::broker, odd));
  if (!decoded) return malformed(a, decoded.error());
  if (tells_unasked(a, decoded->properties) && !tolerate(a, Check::property_unknown)) {
    return malformed(a, {Check::property_unknown, mqtt::ReasonCode::protocol_error});
  }
  note_tolerated(a, odd);
  note_answer(a.type(), decoded->packet_id, a.now);
  if (a.type() == PacketType::unsuback && version_ != Version::v5) {
    subscriptions_.answered(a.type(), decoded->packet_id, decoded->codes);
    return forward(a);
  }
  const std::optional<SubscribeWindow::Request> asked =
      subscribes_.take(decoded->packet_id, answered_by(a.type()));
  // An UNSUBACK for a SUBSCRIBE answers nothing, and its codes mean something else.
  if (!asked && subscribes_.contains(decoded->packet_id)) {
    return malformed(a, {Check::suback_codes, mqtt::ReasonCode::protocol_error});
  }
  for (const std::uint8_t code : decoded->codes) {
    if (code >= mqtt::kSubackFailure) {
      note_broker_code(a.type(), static_cast<mqtt::ReasonCode>(code));
    }
  }
  if (asked && asked->forwarded != decoded->codes.size()) {
    report_refusal(a, Action::drop, mqtt::ReasonCode::protocol_error, cause_of(Check::suback_codes),
                   {});
    return complete_suback(a, decoded->packet_id, decoded->codes, *asked);
  }
  subscriptions_.answered(a.type(), decoded->packet_id, decoded->codes);
  // Not known, or none was taken out.
  if (!asked || asked->codes.empty()) return forward(a);
  const SubscribeWindow::Codes codes = asked->answer(decoded->codes);
  Buffer& head = blank(a.turn);
  if (!mqtt::rewrite_suback(a.frame, *decoded, codes, head)) {
    return malformed(a, {Check::remaining_length, mqtt::ReasonCode::malformed_packet});
  }
  if (head.size() <= to(Side::client).receiver_max) {
    return forward_as(a, head.bytes(), Rewrite::suback);
  }
  // It fits without the properties that it came with. [MQTT-3.9.2-1] [MQTT-3.9.2-2] (5.0)
  reply(Side::client, a.turn, [&](Buffer& out) {
    mqtt::encode_suback(a.type(), version_, decoded->packet_id, codes, out);
  });
  events_.on_rewrite(Rewrite::suback);
  return Fate::consumed;
}

/// Answers the client where the broker's SUBACK is wrong and was not passed on: with those codes of
/// it that are `usable`, in order, and with failure for the filters about which it says nothing. A
/// client that hears nothing would wait for ever; one that gets too few codes may read beyond them
/// (CVE-2024-10525).
Session::Impl::Fate Session::Impl::complete_suback(const Arrival& a, std::uint16_t packet_id,
                                                   Bytes usable,
                                                   const SubscribeWindow::Request& asked) {
  usable = usable.first(std::min<std::size_t>(usable.size(), asked.forwarded));
  // Whether the broker holds the others is not known. They count as if it did, which is what
  // answered() takes a missing code of SUBACK for, and a failure of UNSUBACK.
  const bool unsubscribes = a.type() == PacketType::unsuback;
  SubscribeWindow::Codes told(usable.begin(), usable.end());
  if (unsubscribes) told.resize(asked.forwarded, mqtt::kSubackFailure);
  subscriptions_.answered(a.type(), packet_id, told);
  const SubscribeWindow::Codes codes = asked.answer(usable);
  reply(Side::client, a.turn,
        [&](Buffer& out) { mqtt::encode_suback(a.type(), version_, packet_id, codes, out); });
  events_.on_rewrite(Rewrite::mended);
  return Fate::consumed;
}

/// A SUBACK or UNSUBACK of which not even the codes are good. Where nobody knows how many filters
/// it is about, it is dropped.
Session::Impl::Fate Session::Impl::mend_suback(const Arrival& a) {
  const std::uint16_t packet_id = mqtt::remains_of_ack(a.frame, version_).packet_id;
  if (packet_id == 0) return Fate::consumed;
  const bool has_codes = a.type() == PacketType::suback || version_ == Version::v5;
  std::optional<SubscribeWindow::Request> asked;
  if (has_codes) {
    asked = subscribes_.take(packet_id, answered_by(a.type()));
    if (!asked) return Fate::consumed;
  }
  return complete_suback(a, packet_id, {}, asked.value_or(SubscribeWindow::Request()));
}

}  // namespace sallyport
