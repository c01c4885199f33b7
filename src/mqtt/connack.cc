#include "sallyport/packet.h"

#include "mqtt/properties.h"
#include "mqtt/reader.h"
#include "mqtt/reason_codes.h"
#include "mqtt/refusal.h"

/// CONNACK. 3.2
namespace sallyport::mqtt {

namespace {

constexpr auto kHighestReturnCode = static_cast<std::uint8_t>(ConnectReturnCode::not_authorized);

/// Returns `error`; returns none if it may be tolerated, and was.
std::optional<Malformed> unless(CheckSet* tolerated, Malformed error) {
  if (tolerated == nullptr) return error;
  tolerated->add(error.check);
  return std::nullopt;
}

/// Connect Acknowledge Flags, next to the code. 3.2.2.1
std::optional<Malformed> read_flags(std::uint8_t flags, Connack& out, CheckSet* tolerated) {
  out.session_present = (flags & 0x01) != 0;
  if ((flags & ~0x01) != 0) {
    if (const auto bad = unless(tolerated, malformed(Check::connack_flags))) return bad;
  }
  if (out.session_present && out.code != 0) {  // [MQTT-3.2.2-4 (3.1.1)] [MQTT-3.2.2-6 (5.0)]
    return unless(tolerated, protocol_error(Check::connack_flags));
  }
  return std::nullopt;
}

Decoded<Connack> decode_connack_3(std::uint8_t flags, std::uint8_t code, Version version,
                                  CheckSet* tolerated) {
  Connack out;
  out.code = code;
  if (code > kHighestReturnCode) {  // 3.2.2.3
    if (const auto bad = unless(tolerated, malformed(Check::reason_code))) {
      return std::unexpected(*bad);
    }
  }
  if (version == Version::v3_1) return out;  // the first byte is not used there. 3.2 (3.1)
  if (const auto bad = read_flags(flags, out, tolerated)) return std::unexpected(*bad);
  return out;
}

void take_values(const PropertyValues& values, Connack& out) {
  out.receive_maximum =
      static_cast<std::uint16_t>(values.number(Property::receive_maximum, 65'535));
  out.maximum_qos = static_cast<std::uint8_t>(values.number(Property::maximum_qos, 2));
  out.retain_available = values.number(Property::retain_available, 1) != 0;
  out.topic_alias_maximum =
      static_cast<std::uint16_t>(values.number(Property::topic_alias_maximum, 0));
  if (values.has(Property::maximum_packet_size)) {
    out.maximum_packet_size = values.number(Property::maximum_packet_size, 0);
  }
  if (values.has(Property::server_keep_alive)) {
    out.server_keep_alive =
        static_cast<std::uint16_t>(values.number(Property::server_keep_alive, 0));
  }
  if (values.has(Property::assigned_client_identifier)) {
    out.assigned_client_id = values.assigned_client_id;
  }
  if (values.has(Property::authentication_method)) {
    out.authentication_method = values.authentication_method;
  }
}

}  // namespace

Decoded<Connack> decode_connack(const Frame& frame, Version version, const Bounds& bounds,
                                CheckSet* tolerated) {
  Reader from(frame.body());
  std::uint8_t flags = 0;
  std::uint8_t code = 0;
  if (!from.u8(flags) || !from.u8(code)) return std::unexpected(malformed(Check::truncated));
  if (version != Version::v5) {
    if (!from.done()) return std::unexpected(malformed(Check::trailing_bytes));
    return decode_connack_3(flags, code, version, tolerated);
  }

  Connack out;
  out.code = code;
  if (from.done()) {
    // A broker that does not know 5.0 answers as 3.1.1 has it: unacceptable protocol version.
    if (flags != 0 ||
        code != static_cast<std::uint8_t>(ConnectReturnCode::unacceptable_protocol_version)) {
      return std::unexpected(malformed(Check::truncated));
    }
    out.code = static_cast<std::uint8_t>(ReasonCode::unsupported_protocol_version);
    return out;
  }
  if (const auto bad = read_flags(flags, out, tolerated)) return std::unexpected(*bad);
  if (!reason_allowed(PacketType::connack, Side::broker, code)) {  // [MQTT-3.2.2-8]
    if (const auto bad = unless(tolerated, protocol_error(Check::reason_code))) {
      return std::unexpected(*bad);
    }
  }
  PropertyValues values;
  values.tolerated = tolerated;
  if (const auto bad = read_properties(from, Place::connack, bounds, out.properties, values)) {
    return std::unexpected(*bad);
  }
  if (!from.done()) return std::unexpected(malformed(Check::trailing_bytes));
  take_values(values, out);
  return out;
}

}  // namespace sallyport::mqtt
