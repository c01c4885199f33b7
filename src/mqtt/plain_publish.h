#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sallyport/bytes.h"
#include "sallyport/mqtt.h"

#include "mqtt/reader.h"
#include "mqtt/varint.h"

namespace sallyport::mqtt {

/// The head of a PUBLISH as most are: a topic of its own, no properties, QoS 0 or 1, for the first
/// time. All that next_frame() and decode_publish() would say of it is here, except for what the
/// receiver's bounds allow and whether the topic is well-formed.
struct PlainPublish {
  bool retain = false;
  std::uint8_t qos = 0;
  std::uint16_t packet_id = 0;  // 0 with QoS 0
  std::uint32_t payload_size = 0;
  std::size_t total = 0;  // whole packet in bytes; 0: not a plain one, or not all of its head
  std::string_view topic;
};

/// Looks at the start of `in`, and says nothing about what it does not recognize: that is
/// next_frame()'s. Inline because it is run for every packet.
[[nodiscard]] inline PlainPublish read_plain_publish(Bytes in, Version version) {
  PlainPublish out;
  // The type, DUP off, QoS not 2 or 3; RETAIN may be.
  if (in.size() < 2 || (in[0] & 0xFC) != 0x30) return out;
  const VarInt length = read_varint(in.data() + 1, in.size() - 1);
  if (length.status != VarInt::Status::complete || !length.minimal()) return out;
  Reader head(in.subspan(1U + length.size));
  if (!head.text(out.topic) || out.topic.empty()) return out;
  out.retain = (in[0] & 0x01) != 0;
  out.qos = in[0] >> 1 & 0x01;
  if (out.qos != 0 && (!head.u16(out.packet_id) || out.packet_id == 0)) return out;
  if (version == Version::v5) {
    std::uint8_t properties = 0;
    if (!head.u8(properties) || properties != 0) return out;
  }
  const std::size_t total = 1U + length.size + length.value;
  const std::size_t size = in.size() - head.left();
  if (size > total) return out;  // it runs past its own end
  out.payload_size = static_cast<std::uint32_t>(total - size);
  out.total = total;
  return out;
}

}  // namespace sallyport::mqtt
