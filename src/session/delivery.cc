// The broker publishes. A delivery is a read: it is checked again, because a subscription may be
// wider than what a deny rule leaves of it, or older than the rule.

#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::ReasonCode;
using mqtt::Version;

Session::Impl::Fate Session::Impl::on_delivery(const Arrival& a) {
  const auto decoded = mqtt::decode_publish(a.frame, a.from, version_, decode_bounds(Side::broker));
  if (!decoded) return malformed(a, decoded.error());
  const mqtt::Publish& publish = *decoded;

  if (publish.topic_alias != 0 && !to_client_aliases_.valid(publish.topic_alias)) {
    return malformed(a, {Check::topic_alias, ReasonCode::topic_alias_invalid});  // [MQTT-3.1.2-26]
  }
  const std::string_view topic = resolve(publish, to_client_aliases_);
  if (topic.empty()) return malformed(a, {Check::topic_alias, ReasonCode::protocol_error});

  // The same identifier for a new message, while the old exchange runs.
  // [MQTT-2.3.1-4] (3.1.1) [MQTT-2.2.1-4] (5.0)
  const bool again = publish.qos != 0 && deliveries_.in_use(publish.packet_id);
  if (again && !publish.dup) {
    return malformed(a, {Check::packet_identifier, ReasonCode::packet_identifier_in_use});
  }
  const bool counts = version_ == Version::v5 && publish.qos != 0 && !again;
  if (counts && quota(Side::broker).spent()) {  // [MQTT-3.3.4-9]
    return malformed(a, {Check::receive_maximum, ReasonCode::receive_maximum_exceeded});
  }

  policy::Verdict verdict = judge(a.from, publish, topic);
  if (!admit_publish(a, topic, verdict)) return Fate::later;
  if (!verdict.allowed) {
    return drop_delivery(a, publish, topic, verdict.cause, verdict.action, verdict.reason);
  }
  note_reported(a, verdict, topic);
  const Fate fate = forward_publish(a, publish, topic, to_client_aliases_, client_max_packet_);
  if (fate == Fate::consumed) {
    return drop_delivery(a, publish, topic, cause_of(Check::packet_too_large), Action::drop,
                         ReasonCode::packet_too_large);
  }
  if (publish.qos != 0) deliveries_.deliver(publish.packet_id, publish.qos);
  if (counts) quota(Side::broker).take();
  return fate;
}

Session::Impl::Fate Session::Impl::drop_delivery(const Arrival& a, const mqtt::Publish& publish,
                                                 std::string_view topic, policy::Cause cause,
                                                 Action action, ReasonCode reason) {
  report_refusal(a, action, reason, cause, topic);
  if (action == Action::disconnect) {
    say_goodbye(reason, a.turn);
    close({Side::client, CloseKind::refused, cause.name}, a.turn);
    return Fate::consumed;
  }
  if (publish.topic_alias != 0 && !publish.topic.empty()) {
    to_client_aliases_.set(publish.topic_alias, publish.topic, false);
  }
  // Said again while the client carries the exchange on: the answer to it is the client's.
  if (publish.qos != 0 && !deliveries_.with_client(publish.packet_id)) {
    deliveries_.drop(publish.packet_id, publish.qos);
    pay_owed(a.turn);
  }
  return Fate::consumed;
}

void Session::Impl::pay_owed(Turn& turn) {
  DeliveryWindow::Owed owed;
  while (deliveries_.take_owed(owed)) {
    scratch_.clear();
    mqtt::encode_ack(owed.type, version_, owed.packet_id, ReasonCode::success, scratch_);
    inject(Side::broker, scratch_, turn);
  }
}

}  // namespace sallyport
