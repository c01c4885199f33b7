#include "sallyport/framer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "mqtt/reader.h"
#include "mqtt/refusal.h"
#include "mqtt/varint.h"

namespace sallyport::mqtt {

namespace {

constexpr std::uint32_t kAny = kMaxRemainingLength;

/// What the first bytes of a control packet must say, by type. 2.1.2, 2.1.3, 2.1.4 (5.0)
struct Shape {
  bool from_client;
  bool from_broker;
  std::uint8_t flags;
  std::uint32_t least, most;  // Remaining Length
};
using Shapes = std::array<Shape, 16>;

// The least length is the one below which no decoder could name anything better: a SUBSCRIBE with
// a packet identifier and nothing else is refused by its decoder, as one without a filter.
// CONNECT's counts the shortest of all versions, because it is framed before its version is known.
constexpr Shapes kShapes3 = {{
    {false, false, 0, 0, 0},     // reserved
    {true, false, 0, 12, kAny},  // CONNECT: 10 bytes of variable header, empty client identifier
    {false, true, 0, 2, 2},      // CONNACK
    {true, true, 0, 2, kAny},    // PUBLISH: has its own checks
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
    {true, true, 0, 3, kAny},    // PUBLISH
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

// What follows fills in a result that is need_more from the beginning. It is worth the care: it is
// run for every packet, and nearly every packet is a PUBLISH.

void need(FrameResult& result, std::size_t bytes) {
  result.status = FrameResult::Status::need_more;
  result.needed = bytes;
}
void refuse(FrameResult& result, Check check, ReasonCode reason = ReasonCode::malformed_packet) {
  result.status = FrameResult::Status::malformed;
  result.error = {check, reason};
}
void too_large(FrameResult& result) {
  result.status = FrameResult::Status::too_large;
  result.error = {Check::packet_too_large, ReasonCode::packet_too_large};
}
/// The packet may be as large as it is, and cannot be decided without more than may be gathered.
void too_much_to_gather(FrameResult& result) {
  result.status = FrameResult::Status::too_large;
  result.error = over_quota(Check::packet_gathered);
}
void framed(FrameResult& result, Bytes in, std::size_t head) {
  result.status = FrameResult::Status::frame;
  result.frame.head = in.first(head);
}

/// The Remaining Length. False: the result is settled.
inline bool read_length(FrameResult& result, Bytes in, bool shortest_form) {
  const VarInt length = read_varint(in.data() + 1, in.size() - 1);
  if (length.status == VarInt::Status::incomplete) {
    need(result, in.size() + 1);  // a valid beginning, however odd: `10 80`
    return false;
  }
  if (length.status == VarInt::Status::malformed || (shortest_form && !length.minimal())) {
    refuse(result, Check::remaining_length);
    return false;
  }
  FixedHeader& header = result.frame.header;
  header.size = static_cast<std::uint8_t>(1 + length.size);
  header.remaining_length = length.value;
  return true;
}

/// The property length and the properties behind `head`, which they move on. False: the result is
/// settled.
inline bool read_properties(FrameResult& result, Bytes in, std::size_t total, std::size_t& head) {
  if (in.size() <= head) {
    need(result, head + 1);
    return false;
  }
  const std::size_t present = std::min(in.size(), total) - head;
  const VarInt length = read_varint(in.data() + head, present);
  if (length.status == VarInt::Status::incomplete) {
    if (head + present < total) {
      need(result, head + present + 1);
    } else {
      refuse(result, Check::truncated);
    }
    return false;
  }
  if (length.status == VarInt::Status::malformed || !length.minimal() ||  // [MQTT-1.5.5-1]
      length.value > total - head - length.size) {
    refuse(result, Check::property_length);
    return false;
  }
  head += length.size + length.value;
  return true;
}

/// A PUBLISH. Its head ends where its payload begins; field by field, so that nothing is waited for
/// that could already be refused. 3.3 Not exact: with what clients tolerate.
template <bool kExact>
inline void frame_publish(FrameResult& result, Bytes in, const FrameRules& rules) {
  const FixedHeader& header = result.frame.header;
  const bool five = rules.version == Version::v5;
  const std::size_t packet_id = (header.flags & 0x06) != 0 ? 2 : 0;
  if ((header.flags & 0x06) == 0x06) return refuse(result, Check::qos);  // [MQTT-3.3.1-4]
  if (kExact && (header.flags & 0x0E) == 0x08 && rules.version != Version::v3_1) {
    // DUP on QoS 0. It can be parsed, but is not allowed. [MQTT-3.3.1-2] In 3.1 the bit says
    // nothing about such a message. 2.1 (3.1)
    return refuse(result, Check::qos, ReasonCode::protocol_error);
  }
  if (!read_length(result, in, kExact && five)) return;
  const std::size_t size = header.size;
  const std::size_t total = size + header.remaining_length;
  const std::size_t least = 2 + packet_id + (five ? 1 : 0);
  if (header.remaining_length < least) return refuse(result, Check::remaining_length);
  if (total > rules.max_packet) return too_large(result);

  if (in.size() < size + 2) return need(result, size + 2);
  const std::size_t topic = load_u16(in.data() + size);
  if (least + topic > header.remaining_length) return refuse(result, Check::truncated);
  std::size_t head = size + 2 + topic + packet_id;
  if (head > rules.max_head) return too_much_to_gather(result);
  if (five) {
    if (!read_properties(result, in, total, head)) return;
    if (head > rules.max_head) return too_much_to_gather(result);
  }
  if (in.size() < head) return need(result, head);
  result.frame.payload_size = static_cast<std::uint32_t>(total - head);
  framed(result, in, head);
}

/// Returns the flags of the fixed header that say nothing in a packet that is no PUBLISH. Of
/// MQTT 3.1 these are DUP, QoS and RETAIN, each of which it calls "not used" wherever it does not
/// say what it is for: PUBREL, SUBSCRIBE and UNSUBSCRIBE have QoS 1, and DUP where they are
/// repeated. 3.1 to 3.14 (3.1) Whether a CONNECT is of 3.1 only its decoder can tell.
std::uint8_t unused_flags(PacketType type, const Shape& shape, Version version) {
  constexpr std::uint8_t kQos = 0x06;
  constexpr std::uint8_t kAll = 0x0F;
  if (type == PacketType::connect) return kAll;
  if (version != Version::v3_1) return 0;
  return shape.flags == 0 ? kAll : kAll & ~kQos;
}

/// Everything else. Apart, so that it costs a PUBLISH nothing.
template <bool kExact>
[[gnu::noinline]] void frame_other(FrameResult& result, Bytes in, const FrameRules& rules) {
  const FixedHeader& header = result.frame.header;
  const Shape& shape = shape_of(header.type, rules.version);
  if (!(rules.from == Side::client ? shape.from_client : shape.from_broker)) {
    // A type that exists, sent by the wrong side, parses well and is not allowed. 1.2, 4.13 (5.0)
    return refuse(result, Check::packet_type,
                  header.type == PacketType::reserved ? ReasonCode::malformed_packet
                                                      : ReasonCode::protocol_error);
  }
  const int unused = unused_flags(header.type, shape, rules.version);
  if (kExact && ((header.flags ^ shape.flags) & ~unused) != 0) {
    return refuse(result, Check::fixed_header_flags);  // [MQTT-2.2.2-2]
  }
  // 5.0 wants the shortest form of a length [MQTT-1.5.5-1]. 3.1.1 does not say so, and brokers
  // read the longer ones as what they mean, so there they pass. decode_connect() looks at CONNECT,
  // whose version is not known here.
  const bool shortest_form =
      kExact && rules.version == Version::v5 && header.type != PacketType::connect;
  if (!read_length(result, in, shortest_form)) return;
  const bool any_body = !kExact && header.type == PacketType::pingresp;
  // AUTH has neither reason code nor properties, or both; nothing else says "one byte". 3.15.2.1
  if (header.remaining_length < shape.least ||
      (header.remaining_length > shape.most && !any_body) ||
      (header.type == PacketType::auth && header.remaining_length == 1)) {
    return refuse(result, Check::remaining_length);
  }
  const auto total = static_cast<std::size_t>(header.total());
  if (total > rules.max_packet || total > rules.max_other) return too_large(result);
  if (total > rules.max_head) return too_much_to_gather(result);
  if (in.size() < total) return need(result, total);
  framed(result, in, total);
}

template <bool kExact>
inline FrameResult frame_packet(Bytes in, const FrameRules& rules) {
  FrameResult result;
  FixedHeader& header = result.frame.header;
  header.type = static_cast<PacketType>(in[0] >> 4);
  header.flags = in[0] & 0x0F;
  if (header.type == PacketType::publish) {
    frame_publish<kExact>(result, in, rules);
  } else {
    frame_other<kExact>(result, in, rules);
  }
  return result;
}

/// How much of a wrong PUBLISH is its head: see look_again(). False: more bytes are needed to tell.
bool find_head(FrameResult& result, Bytes in, const FrameRules& rules, std::size_t& head) {
  const FixedHeader& header = result.frame.header;
  const auto total = static_cast<std::size_t>(header.total());
  head = header.size;
  if (header.remaining_length < 2) return true;
  if (in.size() < head + 2) {
    need(result, head + 2);
    return false;
  }
  const unsigned qos = header.flags >> 1 & 0x03;
  std::size_t end = head + 2 + load_u16(in.data() + head) + (qos == 1 || qos == 2 ? 2 : 0);
  if (end > total || end > rules.max_head) return true;
  head = end;
  if (rules.version != Version::v5 || end == total) return true;
  if (!read_properties(result, in, total, end)) {
    return result.status != FrameResult::Status::need_more;  // else there are none that can be read
  }
  if (end <= rules.max_head) head = end;
  return true;
}

/// Finds the end of a packet that is wrong for `error`.
FrameResult find_end(Bytes in, const FrameRules& rules, Malformed error) {
  FrameResult result;
  FixedHeader& header = result.frame.header;
  header.type = static_cast<PacketType>(in[0] >> 4);
  header.flags = in[0] & 0x0F;
  if (!read_length(result, in, false)) return result;
  const auto total = static_cast<std::size_t>(header.total());
  std::size_t head = total;
  if (header.type == PacketType::publish) {
    if (!find_head(result, in, rules, head)) return result;
  } else if (total > rules.max_packet || total > rules.max_head) {
    // Packet identifier and reason code; of CONNACK its flags and its code.
    head = std::min<std::size_t>(total, header.size + 3U);
  }
  if (in.size() < head) {
    need(result, head);
    return result;
  }
  framed(result, in, head);
  result.frame.payload_size = static_cast<std::uint32_t>(total - head);
  result.status = FrameResult::Status::wrong;
  result.error = error;
  return result;
}

}  // namespace

FrameResult next_frame(Bytes in, const FrameRules& rules) {
  if (!in.empty()) return frame_packet<true>(in, rules);
  FrameResult result;
  need(result, 1);
  return result;
}

FrameResult look_again(Bytes in, const FrameRules& rules, Malformed error) {
  if (rules.tolerant) {
    FrameResult result = frame_packet<false>(in, rules);
    if (result.status == FrameResult::Status::need_more) return result;
    if (result.status == FrameResult::Status::frame) {
      result.status = FrameResult::Status::odd;
      result.error = error;
      return result;
    }
    error = result.error;
  }
  return find_end(in, rules, error);
}

}  // namespace sallyport::mqtt
