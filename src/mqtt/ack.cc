#include "sallyport/packet.h"

#include "mqtt/properties.h"
#include "mqtt/reader.h"
#include "mqtt/reason_codes.h"
#include "mqtt/refusal.h"

/// PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT and AUTH: a reason code and properties, either of
/// which may be left out. 3.4 to 3.7, 3.14, 3.15
namespace sallyport::mqtt {

namespace {

/// The reason code and the properties behind it, from which the end of a packet may be cut off:
/// nothing means success, a reason code alone means no properties.
std::optional<Malformed> read_reason(Reader& from, PacketType type, Side side, Place place,
                                     const Bounds& bounds, ReasonCode& reason,
                                     Properties& properties, PropertyValues& values,
                                     CheckSet* tolerated) {
  std::uint8_t code = 0;
  [[maybe_unused]] const bool given = from.u8(code);  // left out, it is 0
  // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.14.2-1] [MQTT-3.15.2-1]
  if (!reason_allowed(type, side, code)) {
    if (tolerated == nullptr) return protocol_error(Check::reason_code);
    // 0x80 and more is a failure to everybody, less is none. 2.4
    tolerated->add(Check::reason_code);
  }
  reason = static_cast<ReasonCode>(code);
  if (from.done()) return std::nullopt;
  if (const auto bad = read_properties(from, place, bounds, properties, values)) return bad;
  if (!from.done()) return malformed(Check::trailing_bytes);
  return std::nullopt;
}

}  // namespace

Decoded<Ack> decode_ack(const Frame& frame, Side from, Version version, const Bounds& bounds,
                        CheckSet* tolerated) {
  Ack out;
  out.type = frame.header.type;
  Reader body(frame.body());
  if (!body.u16(out.packet_id)) return std::unexpected(malformed(Check::truncated));
  if (out.packet_id == 0) {
    return std::unexpected(protocol_error(Check::packet_identifier));  // 2.3.1 (3.1.1), 2.2.1 (5.0)
  }
  if (body.done()) return out;
  if (version != Version::v5) return std::unexpected(malformed(Check::trailing_bytes));
  PropertyValues values;
  if (const auto bad = read_reason(body, out.type, from, Place::ack, bounds, out.reason,
                                   out.properties, values, tolerated)) {
    return std::unexpected(*bad);
  }
  return out;
}

Decoded<Disconnect> decode_disconnect(const Frame& frame, Side from, Version version,
                                      const Bounds& bounds, CheckSet* tolerated) {
  Disconnect out;
  Reader body(frame.body());
  if (version != Version::v5) {
    if (!body.done()) return std::unexpected(malformed(Check::trailing_bytes));
    return out;
  }
  const Place place =
      from == Side::client ? Place::disconnect_from_client : Place::disconnect_from_broker;
  PropertyValues values;
  if (const auto bad = read_reason(body, PacketType::disconnect, from, place, bounds, out.reason,
                                   out.properties, values, tolerated)) {
    return std::unexpected(*bad);
  }
  if (values.has(Property::session_expiry_interval)) {
    out.session_expiry = values.number(Property::session_expiry_interval, 0);
  }
  return out;
}

Decoded<Auth> decode_auth(const Frame& frame, Side from, const Bounds& bounds) {
  Auth out;
  Reader body(frame.body());
  const bool short_form = body.done();
  PropertyValues values;
  if (const auto bad = read_reason(body, PacketType::auth, from, Place::auth, bounds, out.reason,
                                   out.properties, values, nullptr)) {
    return std::unexpected(*bad);
  }
  if (values.has(Property::authentication_method)) {
    out.authentication_method = values.authentication_method;
  } else if (!short_form) {
    // 3.15.2.2.2; yet 3.15.2.1 lets success go without any property.
    return std::unexpected(protocol_error(Check::auth_method));
  }
  return out;
}

}  // namespace sallyport::mqtt
