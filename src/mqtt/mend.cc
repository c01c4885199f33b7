#include "mqtt/mend.h"

#include <array>

#include "mqtt/encode.h"
#include "mqtt/properties.h"
#include "mqtt/reader.h"
#include "mqtt/reason_codes.h"
#include "mqtt/varint.h"

namespace sallyport::mqtt {

namespace {

/// The reason codes that say the same as return codes 1 to 5 of 3.1.1. 3.2.2.3 (3.1.1)
constexpr std::array kReturnCodes = {
    ReasonCode::success,
    ReasonCode::unsupported_protocol_version,
    ReasonCode::client_identifier_not_valid,
    ReasonCode::server_unavailable,
    ReasonCode::bad_user_name_or_password,
    ReasonCode::not_authorized,
};

/// Takes a block of properties off, whatever is in it. Returns false if its length does not end, or
/// runs past the end of the packet.
bool take_block(Reader& from, Bytes& block) {
  const VarInt length = read_varint(from.at(), from.left());
  Bytes prefix;
  return length.status == VarInt::Status::complete && from.bytes(length.size, prefix) &&
         from.bytes(length.value, block);
}

/// The alias that a PUBLISH with these properties sets. See PublishRemains::alias
std::optional<std::uint16_t> alias_in(Bytes block) {
  std::optional<std::uint16_t> alias = 0;
  PropertyView property;
  while (next_property(block, property)) {
    if (property.id != Property::topic_alias) continue;
    if (alias != 0) return std::nullopt;  // it stands twice
    alias = static_cast<std::uint16_t>(property.number);
  }
  return block.empty() ? alias : std::nullopt;
}

void append_connack(std::uint8_t flags, std::uint8_t code, Bytes properties, Version version,
                    Buffer& out) {
  const auto size = static_cast<std::uint32_t>(properties.size());
  const std::size_t block = version == Version::v5 ? varint_size(size) + size : 0;
  out.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(PacketType::connack) << 4));
  append_varint(static_cast<std::uint32_t>(2 + block), out);
  out.push_back(flags);
  out.push_back(code);
  if (version != Version::v5) return;
  append_varint(size, out);
  out.append(properties);
}

}  // namespace

PublishRemains remains_of_publish(const Frame& frame, Version version) {
  PublishRemains out;
  const auto qos = static_cast<std::uint8_t>(frame.header.flags >> 1 & 0x03);
  Reader body(frame.body());
  const bool five = version == Version::v5;
  if (!body.text(out.topic)) {
    if (five) out.alias = std::nullopt;
    return out;
  }
  if ((qos == 1 || qos == 2) && body.u16(out.packet_id) && out.packet_id != 0) out.qos = qos;
  if (!five || out.topic.empty()) return out;  // without a topic it sets none. 3.3.2.3.4
  Bytes block;
  out.alias = take_block(body, block) ? alias_in(block) : std::nullopt;
  return out;
}

AckRemains remains_of_ack(const Frame& frame, Version version) {
  AckRemains out;
  const PacketType type = frame.header.type;
  Reader body(frame.body());
  std::uint8_t code = 0;
  if (!body.u16(out.packet_id) || version != Version::v5 || !body.u8(code)) return out;
  if (type == PacketType::suback || type == PacketType::unsuback) return out;
  if (reason_allowed(type, Side::broker, code)) {
    out.reason = static_cast<ReasonCode>(code);
  } else if (code >= 0x80) {
    const bool first = type == PacketType::puback || type == PacketType::pubrec;
    out.reason = first ? ReasonCode::unspecified_error : ReasonCode::packet_identifier_not_found;
  }
  return out;
}

ReasonCode remains_of_disconnect(const Frame& frame) {
  Reader body(frame.body());
  std::uint8_t code = 0;
  [[maybe_unused]] const bool given = body.u8(code);
  const bool allowed = reason_allowed(PacketType::disconnect, Side::broker, code);
  return allowed ? static_cast<ReasonCode>(code) : ReasonCode::unspecified_error;
}

bool mend_connack(const Frame& frame, Version version, Buffer& out) {
  Reader from(frame.body());
  std::uint8_t flags = 0;
  std::uint8_t code = 0;
  if (frame.payload_size != 0 || !from.u8(flags) || !from.u8(code)) return false;
  if (version != Version::v5 || from.done()) {
    if (version == Version::v5 && code < kReturnCodes.size()) {
      code = static_cast<std::uint8_t>(kReturnCodes[code]);
    }
    append_connack(flags, code, {}, version, out);
    return true;
  }
  Bytes block;
  Buffer good;
  if (!take_block(from, block) || !copy_good_properties(block, Place::connack, good)) return false;
  append_connack(flags, code, good.bytes(), version, out);
  return true;
}

}  // namespace sallyport::mqtt
