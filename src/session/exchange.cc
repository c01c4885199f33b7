// What is the client's or the broker's alone about a PUBLISH: the exchange of acknowledgements that
// it begins, and who plays the other side of it if the gateway refuses the PUBLISH.

#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

/// The reason codes that PUBACK and PUBREC may carry. 3.4.2.1, 3.5.2.1 (5.0)
ReasonCode for_puback(ReasonCode reason) {
  switch (reason) {
    case ReasonCode::implementation_specific_error:
    case ReasonCode::not_authorized:
    case ReasonCode::topic_name_invalid:
    case ReasonCode::packet_identifier_in_use:
    case ReasonCode::quota_exceeded:
    case ReasonCode::payload_format_invalid:
      return reason;
    case ReasonCode::message_rate_too_high:
      return ReasonCode::quota_exceeded;
    default:
      return ReasonCode::unspecified_error;
  }
}

}  // namespace

/// Returns what is wrong with a PUBLISH where it stands among others; returns none if nothing is.
/// `again` becomes whether it repeats one whose exchange is not over.
std::optional<mqtt::Malformed> Session::Impl::check_exchange(Side from,
                                                             const mqtt::Publish& publish,
                                                             bool& again) const {
  if (from == Side::broker) {
    again = publish.qos != 0 && deliveries_.in_use(publish.packet_id);
  } else {
    // What the broker's CONNACK said it cannot do. [MQTT-3.2.2-11] [MQTT-3.2.2-14]
    if (publish.qos > broker_.max_qos) {
      return mqtt::Malformed{Check::qos, ReasonCode::qos_not_supported};
    }
    if (publish.retain && !broker_.retains) {
      return mqtt::Malformed{Check::retain, ReasonCode::retain_not_supported};
    }
    again = publish.qos == 2 && publishes_.with_broker(publish.packet_id);
  }
  // The same identifier for a new message, while the old exchange runs.
  // [MQTT-2.3.1-4] (3.1.1) [MQTT-2.2.1-3] [MQTT-2.2.1-4] (5.0)
  if (again && !publish.dup) {
    return mqtt::Malformed{Check::packet_identifier, ReasonCode::packet_identifier_in_use};
  }
  if (from == Side::client && publish.qos == 2 && !again && publishes_.full() &&
      !publishes_.refused(publish.packet_id) && version_ != Version::v5 &&
      publishes_.full_of_refusals()) {
    return mqtt::Malformed{Check::qos2_in_flight, ReasonCode::receive_maximum_exceeded};
  }
  return std::nullopt;
}

/// A PUBLISH has been sent on.
void Session::Impl::begin_exchange(Side from, const mqtt::Publish& publish, Instant now) {
  if (from == Side::broker) {
    if (publish.qos != 0) deliveries_.deliver(publish.packet_id, publish.qos);
  } else if (publish.qos == 2) {
    publishes_.forward(publish.packet_id);
  }
  if (from == Side::client) answers_.asked(publish, now);
}

/// Answers the client in the broker's place. MQTT 3.x has no way to say no, so the exchange is run
/// to its end. 5.0 says why; a PUBREC with a reason code of 0x80 or more is the last packet of a
/// QoS 2 exchange. [MQTT-4.3.3-4]
void Session::Impl::answer_client(const mqtt::Publish& publish, ReasonCode reason, Turn& turn) {
  // It is said again while the broker carries the exchange on, so the broker answers.
  if (publish.qos == 2 && publishes_.with_broker(publish.packet_id)) return;
  const PacketType answer = publish.qos == 1 ? PacketType::puback : PacketType::pubrec;
  if (publish.qos == 2 && version_ != Version::v5) publishes_.refuse(publish.packet_id);
  reply(Side::client, turn, [&](Buffer& out) {
    mqtt::encode_ack(answer, version_, publish.packet_id, for_puback(reason), out);
  });
}

/// Acknowledges a delivery to the broker in the client's place, when it is its turn.
void Session::Impl::owe_broker(std::uint16_t packet_id, std::uint8_t qos, Turn& turn) {
  // It is said again while the client carries the exchange on, so the client answers.
  if (deliveries_.with_client(packet_id)) return;
  deliveries_.drop(packet_id, qos);
  pay_owed(turn);
}

void Session::Impl::pay_owed(Turn& turn) {
  DeliveryWindow::Owed owed;
  while (deliveries_.take_owed(owed)) {
    reply(Side::broker, turn, [&](Buffer& out) {
      mqtt::encode_ack(owed.type, version_, owed.packet_id, ReasonCode::success, out);
    });
  }
}

}  // namespace sallyport
