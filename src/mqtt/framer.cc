#include "sallyport/framer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "mqtt/reader.h"
#include "mqtt/varint.h"

namespace sallyport::mqtt {

namespace {

constexpr std::uint32_t kAny = kMaxRemainingLength;

/// What the first bytes of a control packet must say, by type. 2.1.2, 2.1.3, 2.1.4 (5.0)
struct Shape {
  bool from_client;
  bool from_broker;
  std::uint8_t flags;         // does not apply to PUBLISH
  std::uint32_t least, most;  // Remaining Length; PUBLISH adds its packet identifier
};
using Shapes = std::array<Shape, 16>;

// The least length is the one below which no decoder could name anything better: a SUBSCRIBE with
// a packet identifier and nothing else is refused by its decoder, as one without a filter.
// CONNECT's counts the shortest of all versions, because it is framed before its version is known.
constexpr Shapes kShapes3 = {{
    {false, false, 0, 0, 0},     // reserved
    {true, false, 0, 12, kAny},  // CONNECT: 10 bytes of variable header, empty client identifier
    {false, true, 0, 2, 2},      // CONNACK
    {true, true, 0, 2, kAny},    // PUBLISH
    {true, true, 0, 2, 2},       // PUBACK
    {true, true, 0, 2, 2},       // PUBREC
    {true, true, 2, 2, 2},       // PUBREL
    {true, true, 0, 2, 2},       // PUBCOMP
    {true, false, 2, 2, kAny},   // SUBSCRIBE
    {false, true, 0, 3, kAny},   // SUBACK: at least one code
    {true, false, 2, 2, kAny},   // UNSUBSCRIBE
    {false, true, 0, 2, 2},      // UNSUBACK
    {true, false, 0, 0, 0},      // PINGREQ
    {false, true, 0, 0, 0},      // PINGRESP
    {true, false, 0, 0, 0},      // DISCONNECT
    {false, false, 0, 0, 0},     // AUTH came with 5.0
}};
// A CONNACK of two bytes is what a broker of 3.1.1 answers to a CONNECT of 5.0; its decoder sees
// to it that it is nothing else.
constexpr Shapes kShapes5 = {{
    {false, false, 0, 0, 0},     // reserved
    {true, false, 0, 12, kAny},  // CONNECT
    {false, true, 0, 2, kAny},   // CONNACK
    {true, true, 0, 3, kAny},    // PUBLISH: topic length and property length
    {true, true, 0, 2, kAny},    // PUBACK
    {true, true, 0, 2, kAny},    // PUBREC
    {true, true, 2, 2, kAny},    // PUBREL
    {true, true, 0, 2, kAny},    // PUBCOMP
    {true, false, 2, 3, kAny},   // SUBSCRIBE: packet identifier and property length
    {false, true, 0, 4, kAny},   // SUBACK: those and at least one code
    {true, false, 2, 3, kAny},   // UNSUBSCRIBE
    {false, true, 0, 4, kAny},   // UNSUBACK
    {true, false, 0, 0, 0},      // PINGREQ
    {false, true, 0, 0, 0},      // PINGRESP
    {true, true, 0, 0, kAny},    // DISCONNECT
    {true, true, 0, 0, kAny},    // AUTH
}};

const Shape& shape_of(PacketType type, Version version) {
  const Shapes& shapes = version == Version::v5 ? kShapes5 : kShapes3;
  return shapes[static_cast<std::size_t>(type)];
}

std::optional<Malformed> check_publish_flags(std::uint8_t flags) {
  // [MQTT-3.3.1-4]
  if ((flags & 0x06) == 0x06) return Malformed{Check::qos, ReasonCode::malformed_packet};
  // DUP on QoS 0. It can be parsed, but is not allowed. [MQTT-3.3.1-2]
  if ((flags & 0x0E) == 0x08) return Malformed{Check::qos, ReasonCode::protocol_error};
  return std::nullopt;
}

std::optional<Malformed> check_first_byte(PacketType type, std::uint8_t flags,
                                          const FrameRules& rules) {
  const Shape& shape = shape_of(type, rules.version);
  if (!(rules.from == Side::client ? shape.from_client : shape.from_broker)) {
    // A type that exists, sent by the wrong side, parses well and is not allowed. 1.2, 4.13 (5.0)
    return Malformed{Check::packet_type, type == PacketType::reserved ? ReasonCode::malformed_packet
                                                                      : ReasonCode::protocol_error};
  }
  if (type == PacketType::publish) return check_publish_flags(flags);
  std::uint8_t ignored = 0;
  if (rules.version == Version::v3_1 && shape.flags == 0x02) {
    ignored = 0x08;  // 3.1 says that a repeated PUBREL, SUBSCRIBE or UNSUBSCRIBE carries DUP. 2.1
  }
  if ((flags & ~ignored) != shape.flags) {
    return Malformed{Check::fixed_header_flags, ReasonCode::malformed_packet};  // [MQTT-2.2.2-2]
  }
  return std::nullopt;
}

/// Is this a Remaining Length that the packet can have?
bool length_is_possible(const FixedHeader& header, const FrameRules& rules) {
  const Shape& shape = shape_of(header.type, rules.version);
  std::uint32_t least = shape.least;
  if (header.type == PacketType::publish && (header.flags & 0x06) != 0) least += 2;
  if (header.remaining_length < least || header.remaining_length > shape.most) return false;
  // AUTH has neither reason code nor properties, or both; nothing else says "one byte". 3.15.2.1
  if (header.type == PacketType::auth && header.remaining_length == 1) return false;
  return true;
}

// What follows fills in a result that is need_more from the beginning. It is worth the care: this
// is run for every packet.

void need(FrameResult& result, std::size_t bytes) {
  result.status = FrameResult::Status::need_more;
  result.needed = bytes;
}
void malformed(FrameResult& result, Malformed error) {
  result.status = FrameResult::Status::malformed;
  result.error = error;
}
void too_large(FrameResult& result) {
  result.status = FrameResult::Status::too_large;
  result.error = {Check::packet_too_large, ReasonCode::packet_too_large};
}
void framed(FrameResult& result, Bytes in, std::size_t head) {
  result.status = FrameResult::Status::frame;
  result.frame.head = in.first(head);
}

/// The head of a PUBLISH ends where its payload begins; field by field, so that nothing is waited
/// for that could already be refused. 3.3.2
void frame_publish(FrameResult& result, Bytes in, const FrameRules& rules) {
  const FixedHeader& header = result.frame.header;
  const bool has_properties = rules.version == Version::v5;
  const std::size_t total = std::size_t{header.size} + header.remaining_length;

  if (in.size() < std::size_t{header.size} + 2) return need(result, std::size_t{header.size} + 2);
  std::size_t head = std::size_t{header.size} + 2 + load_u16(in.data() + header.size);
  if ((header.flags & 0x06) != 0) head += 2;
  if (head + (has_properties ? 1 : 0) > total) {
    return malformed(result, {Check::truncated, ReasonCode::malformed_packet});
  }
  if (head > rules.max_head) return too_large(result);

  if (has_properties) {
    if (in.size() <= head) return need(result, head + 1);
    const std::size_t present = std::min(in.size(), total) - head;
    const VarInt length = read_varint(in.data() + head, present);
    constexpr Malformed kBadLength{Check::property_length, ReasonCode::malformed_packet};
    if (length.status == VarInt::Status::incomplete) {
      if (head + present < total) return need(result, head + present + 1);
      return malformed(result, {Check::truncated, ReasonCode::malformed_packet});
    }
    if (length.status == VarInt::Status::malformed || !length.minimal()) {
      return malformed(result, kBadLength);  // [MQTT-1.5.5-1]
    }
    head += length.size;
    if (length.value > total - head) return malformed(result, kBadLength);
    head += length.value;
    if (head > rules.max_head) return too_large(result);
  }
  if (in.size() < head) return need(result, head);
  result.frame.payload_size = static_cast<std::uint32_t>(total - head);
  framed(result, in, head);
}

}  // namespace

FrameResult next_frame(Bytes in, const FrameRules& rules) {
  FrameResult result;
  if (in.empty()) {
    need(result, 1);
    return result;
  }
  FixedHeader& header = result.frame.header;
  header.type = static_cast<PacketType>(in[0] >> 4);
  header.flags = in[0] & 0x0F;
  if (const auto error = check_first_byte(header.type, header.flags, rules)) {
    malformed(result, *error);
    return result;
  }

  const VarInt length = read_varint(in.data() + 1, in.size() - 1);
  if (length.status == VarInt::Status::incomplete) {
    need(result, in.size() + 1);  // a valid beginning, however odd: `10 80`
    return result;
  }
  // 5.0 wants the shortest form of a length [MQTT-1.5.5-1]. 3.1.1 does not say so, and brokers
  // read the longer ones as what they mean, so there they pass. decode_connect() looks at CONNECT,
  // whose version is not known here.
  if (length.status == VarInt::Status::malformed ||
      (rules.version == Version::v5 && header.type != PacketType::connect && !length.minimal())) {
    malformed(result, {Check::remaining_length, ReasonCode::malformed_packet});
    return result;
  }
  header.size = static_cast<std::uint8_t>(1 + length.size);
  header.remaining_length = length.value;
  if (!length_is_possible(header, rules)) {
    malformed(result, {Check::remaining_length, ReasonCode::malformed_packet});
    return result;
  }
  if (header.total() > rules.max_packet) {
    too_large(result);
    return result;
  }
  if (header.type == PacketType::publish) {
    frame_publish(result, in, rules);
    return result;
  }
  const auto total = static_cast<std::size_t>(header.total());
  if (total > rules.max_head) {
    too_large(result);
  } else if (in.size() < total) {
    need(result, total);
  } else {
    framed(result, in, total);
  }
  return result;
}

}  // namespace sallyport::mqtt
