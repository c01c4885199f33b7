#include "mqtt/encode.h"

#include <algorithm>

#include "mqtt/properties.h"
#include "mqtt/reader.h"
#include "mqtt/varint.h"

namespace sallyport::mqtt {

namespace {

/// The first byte, with the flags that the type must have. 2.1.3 (5.0)
constexpr std::uint8_t first_byte(PacketType type) {
  const std::uint8_t flags = type == PacketType::pubrel ? 0x02 : 0;
  return static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags);
}

void append_u16(std::uint32_t value, Buffer& out) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void append_u32(std::uint32_t value, Buffer& out) {
  append_u16(value >> 16, out);
  append_u16(value, out);
}

void append_short(std::initializer_list<std::uint8_t> bytes, Buffer& out) {
  out.append({bytes.begin(), bytes.size()});
}

/// How many bytes the value of an integer property takes; 0: it is not one, or not one of fixed
/// width.
std::size_t integer_width(PropertyKind kind) {
  switch (kind) {
    case PropertyKind::flag:
      return 1;
    case PropertyKind::u16:
      return 2;
    case PropertyKind::u32:
      return 4;
    default:
      return 0;
  }
}

/// A packet of 5.0 with a body of `before`, and a Server Reference as its only property.
void append_referral(std::uint8_t first, Bytes before, std::string_view server_reference,
                     Buffer& out) {
  const auto text =
      static_cast<std::uint32_t>(std::min<std::size_t>(server_reference.size(), 0xFFFF));
  const std::uint32_t properties = 1 + 2 + text;
  out.push_back(first);
  append_varint(static_cast<std::uint32_t>(before.size() + varint_size(properties)) + properties,
                out);
  out.append(before);
  append_varint(properties, out);
  out.push_back(static_cast<std::uint8_t>(Property::server_reference));
  append_u16(text, out);
  out.append(as_bytes(server_reference.substr(0, text)));
}

void append_change(const PropertyChange& change, std::size_t width, Buffer& out) {
  out.push_back(static_cast<std::uint8_t>(change.id));
  if (width == 1) out.push_back(static_cast<std::uint8_t>(*change.value));
  if (width == 2) append_u16(*change.value, out);
  if (width == 4) append_u32(*change.value, out);
}

std::size_t width_of(Property id) {
  return integer_width(property_rule(static_cast<std::uint8_t>(id)).kind);
}

bool fits(const PropertyChange& change, Place place) {
  const PropertyRule& rule = property_rule(static_cast<std::uint8_t>(change.id));
  if (!change.value) return rule.allowed(place);
  const std::size_t width = integer_width(rule.kind);
  if (width == 0 || !rule.allowed(place)) return false;
  if (rule.kind == PropertyKind::flag) return *change.value <= 1;
  return width == 4 || *change.value <= 0xFFFF;
}

/// The change to this property, or null.
const PropertyChange* find(std::span<const PropertyChange> changes, Property id) {
  const auto found = std::ranges::find(changes, id, &PropertyChange::id);
  return found == changes.end() ? nullptr : &*found;
}

/// Where rewrite_properties() finds a block.
Place place_of(PacketType type) {
  if (type == PacketType::connect) return Place::connect;
  return type == PacketType::connack ? Place::connack : Place::disconnect_from_broker;
}

/// A body in three parts.
struct PropertyBlock {
  Bytes before;  // up to the property length
  Bytes block;   // without its length
  Bytes after;
};

std::optional<PropertyBlock> find_block(const Frame& frame) {
  const Bytes body = frame.body();
  // CONNACK: flags and code; DISCONNECT: reason code.
  std::size_t at = frame.header.type == PacketType::disconnect ? 1 : 2;
  if (frame.header.type == PacketType::connect) {
    Reader from(body);
    std::string_view name;
    std::uint8_t level = 0;
    if (!from.text(name) || !from.u8(level) || level != 5) return std::nullopt;
    at = body.size() - from.left() + 3;  // flags and keep-alive
  }
  if (at > body.size()) return std::nullopt;
  const VarInt length = read_varint(body.data() + at, body.size() - at);
  if (length.status != VarInt::Status::complete) return std::nullopt;
  const Bytes rest = body.subspan(at + length.size);
  if (length.value > rest.size()) return std::nullopt;
  return PropertyBlock{body.first(at), rest.first(length.value), rest.subspan(length.value)};
}

}  // namespace

namespace detail {

bool append_header(const Frame& frame, std::size_t remaining_length, Buffer& out) {
  if (remaining_length > kMaxRemainingLength) return false;
  out.push_back(frame.head[0]);
  append_varint(static_cast<std::uint32_t>(remaining_length), out);
  return true;
}

}  // namespace detail

void encode_connack(Version version, bool session_present, ReasonCode reason, Buffer& out,
                    std::string_view server_reference) {
  const bool present = session_present && reason == ReasonCode::success && version != Version::v3_1;
  const std::uint8_t flags = present ? 1 : 0;
  const std::uint8_t first = first_byte(PacketType::connack);
  if (version == Version::v5 && !server_reference.empty()) {
    const std::uint8_t before[] = {flags, static_cast<std::uint8_t>(reason)};
    append_referral(first, before, server_reference, out);
  } else if (version == Version::v5) {
    append_short({first, 3, flags, static_cast<std::uint8_t>(reason), 0}, out);
  } else {
    append_short({first, 2, flags, static_cast<std::uint8_t>(to_return_code(reason))}, out);
  }
}

void encode_ack(PacketType type, Version version, std::uint16_t packet_id, ReasonCode reason,
                Buffer& out) {
  const bool with_reason = version == Version::v5 && reason != ReasonCode::success;
  const auto length = static_cast<std::uint8_t>(with_reason ? 3 : 2);
  const auto high = static_cast<std::uint8_t>(packet_id >> 8);
  const auto low = static_cast<std::uint8_t>(packet_id);
  const std::uint8_t packet[] = {first_byte(type), length, high, low,
                                 static_cast<std::uint8_t>(reason)};
  out.append(Bytes(packet).first(std::size_t{2} + length));
}

void encode_suback(PacketType type, Version version, std::uint16_t packet_id,
                   std::span<const std::uint8_t> codes, Buffer& out) {
  if (type == PacketType::unsuback && version != Version::v5) codes = {};  // 3.11.3 (3.1.1)
  const std::size_t properties = version == Version::v5 ? 1 : 0;
  out.push_back(first_byte(type));
  append_varint(static_cast<std::uint32_t>(2 + properties + codes.size()), out);
  append_u16(packet_id, out);
  if (properties != 0) out.push_back(0);
  out.append(codes);
}

void encode_pingreq(Buffer& out) { append_short({first_byte(PacketType::pingreq), 0}, out); }

void encode_pingresp(Buffer& out) { append_short({first_byte(PacketType::pingresp), 0}, out); }

void encode_disconnect(ReasonCode reason, Buffer& out, std::string_view server_reference) {
  const std::uint8_t first = first_byte(PacketType::disconnect);
  if (!server_reference.empty()) {
    const std::uint8_t before[] = {static_cast<std::uint8_t>(reason)};
    append_referral(first, before, server_reference, out);
  } else if (reason == ReasonCode::success) {
    append_short({first, 0}, out);
  } else {
    append_short({first, 1, static_cast<std::uint8_t>(reason)}, out);
  }
}

bool rewrite_publish_topic(const Frame& frame, std::string_view topic, Buffer& out) {
  const Bytes body = frame.body();
  if (body.size() < 2 || topic.size() > 0xFFFF) return false;
  const std::size_t old_field = std::size_t{2} + load_u16(body.data());
  if (old_field > body.size()) return false;
  const Bytes after = body.subspan(old_field);
  if (!detail::append_header(frame, 2 + topic.size() + after.size() + frame.payload_size, out)) {
    return false;
  }
  append_u16(static_cast<std::uint32_t>(topic.size()), out);
  out.append(as_bytes(topic));
  out.append(after);
  return true;
}

bool rewrite_suback(const Frame& frame, const Suback& packet, std::span<const std::uint8_t> codes,
                    Buffer& out) {
  const Bytes body = frame.body();
  const Bytes before = body.first(body.size() - packet.codes.size());
  if (!detail::append_header(frame, before.size() + codes.size(), out)) return false;
  out.append(before);
  out.append(codes);
  return true;
}

bool rewrite_properties(const Frame& frame, std::span<const PropertyChange> changes, Buffer& out) {
  const Place place = place_of(frame.header.type);
  const auto parts = find_block(frame);
  if (!parts) return false;

  // In place nothing grows; what is not there yet comes behind.
  std::size_t size = parts->block.size();
  PropertyView property;
  for (Bytes rest = parts->block; next_property(rest, property);) {
    const PropertyChange* change = find(changes, property.id);
    if (change != nullptr && !change->value) size -= property.raw.size();
  }
  for (const PropertyChange& change : changes) {
    if (!fits(change, place) || find(changes, change.id) != &change) return false;
    if (change.value && !has_property(parts->block, change.id)) size += 1 + width_of(change.id);
  }
  if (size > kMaxRemainingLength) return false;
  const std::size_t body = parts->before.size() + varint_size(static_cast<std::uint32_t>(size)) +
                           size + parts->after.size();
  if (!detail::append_header(frame, body, out)) return false;

  out.append(parts->before);
  append_varint(static_cast<std::uint32_t>(size), out);
  for (Bytes rest = parts->block; next_property(rest, property);) {
    const PropertyChange* change = find(changes, property.id);
    if (change == nullptr) {
      out.append(property.raw);
    } else if (change->value) {
      append_change(*change, width_of(change->id), out);
    }
  }
  for (const PropertyChange& change : changes) {
    if (change.value && !has_property(parts->block, change.id)) {
      append_change(change, width_of(change.id), out);
    }
  }
  out.append(parts->after);
  return true;
}

}  // namespace sallyport::mqtt
