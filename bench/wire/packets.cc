#include "bench/wire/packets.h"

#include <cstring>
#include <stdexcept>

#include "mqtt/varint.h"

namespace sallyport::bench {

using mqtt::PacketType;
using mqtt::Version;

namespace {

/// A string or binary data, behind its length in two bytes. 1.5.4 (5.0)
std::size_t field_size(std::size_t size) {
  if (size > UINT16_MAX) throw std::length_error("a string of MQTT has at most 65535 bytes");
  return 2 + size;
}

void append_u16(std::uint16_t value, Buffer& out) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value & 0xFF));
}

void append_field(Bytes bytes, Buffer& out) {
  append_u16(static_cast<std::uint16_t>(bytes.size()), out);
  out.append(bytes);
}
void append_field(std::string_view text, Buffer& out) { append_field(as_bytes(text), out); }

void append_header(PacketType type, std::uint8_t flags, std::size_t remaining, Buffer& out) {
  if (remaining > mqtt::kMaxRemainingLength) throw std::length_error("the packet is too large");
  out.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
  mqtt::append_varint(static_cast<std::uint32_t>(remaining), out);
}

/// The empty property block of 5.0 is one byte; the others have none.
std::size_t properties_size(Version version) { return version == Version::v5 ? 1 : 0; }
void append_no_properties(Version version, Buffer& out) {
  if (version == Version::v5) out.push_back(0);
}

/// All of a PUBLISH behind its fixed header. 3.3
std::size_t remaining_length(const Publish& publish, std::size_t size) {
  return field_size(publish.topic.size()) + (publish.qos == 0 ? 0U : 2U) +
         properties_size(publish.version) + size;
}

}  // namespace

void append_connect(const Connect& connect, Buffer& out) {
  const Version version = connect.version;
  const std::string_view name = version == Version::v3_1 ? "MQIsdp" : "MQTT";
  unsigned flags = 0x02;
  std::size_t remaining =
      field_size(name.size()) + 4 + properties_size(version) + field_size(connect.client_id.size());
  if (connect.will) {
    flags |= 0x04U | static_cast<unsigned>(connect.will->qos) << 3;
    remaining += properties_size(version) + field_size(connect.will->topic.size()) +
                 field_size(connect.will->payload.size());
  }
  if (connect.username) {
    flags |= 0x80U;
    remaining += field_size(connect.username->size());
  }
  if (connect.password) {
    flags |= 0x40U;
    remaining += field_size(connect.password->size());
  }

  append_header(PacketType::connect, 0, remaining, out);
  append_field(name, out);
  out.push_back(static_cast<std::uint8_t>(version));
  out.push_back(static_cast<std::uint8_t>(flags));
  append_u16(connect.keep_alive, out);
  append_no_properties(version, out);
  append_field(connect.client_id, out);
  if (connect.will) {
    append_no_properties(version, out);
    append_field(connect.will->topic, out);
    append_field(connect.will->payload, out);
  }
  if (connect.username) append_field(*connect.username, out);
  if (connect.password) append_field(*connect.password, out);
}

void append_publish(const Publish& publish, std::size_t size, Buffer& out) {
  append_header(PacketType::publish, static_cast<std::uint8_t>(publish.qos << 1),
                remaining_length(publish, size), out);
  append_field(publish.topic, out);
  if (publish.qos != 0) append_u16(publish.packet_id, out);
  append_no_properties(publish.version, out);
  std::memset(out.prepare(size).data(), 'x', size);
  out.commit(size);
}

std::size_t packet_id_offset(const Publish& publish, std::size_t size) {
  const auto remaining = static_cast<std::uint32_t>(remaining_length(publish, size));
  return 1 + mqtt::varint_size(remaining) + field_size(publish.topic.size());
}

void append_subscribe(Version version, std::uint16_t packet_id,
                      std::span<const std::string_view> filters, std::uint8_t qos, Buffer& out) {
  std::size_t remaining = 2 + properties_size(version);
  for (const std::string_view filter : filters) remaining += field_size(filter.size()) + 1;
  append_header(PacketType::subscribe, 0x02, remaining, out);
  append_u16(packet_id, out);
  append_no_properties(version, out);
  for (const std::string_view filter : filters) {
    append_field(filter, out);
    out.push_back(qos);
  }
}

void append_disconnect(Buffer& out) { append_header(PacketType::disconnect, 0, 0, out); }

}  // namespace sallyport::bench
