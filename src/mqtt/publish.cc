#include "sallyport/packet.h"
#include "sallyport/topic.h"

#include "mqtt/properties.h"
#include "mqtt/reader.h"
#include "mqtt/refusal.h"

/// PUBLISH. 3.3
namespace sallyport::mqtt {

namespace {

/// The property block of a PUBLISH that has one. 3.3.2.3
std::optional<Malformed> take_properties(Reader& from, Side side, const Limits& limits,
                                         Publish& out) {
  PropertyValues values;
  const Place place =
      side == Side::client ? Place::publish_from_client : Place::publish_from_broker;
  if (const auto bad = read_properties(from, place, limits, out.properties, values)) return bad;
  out.topic_alias = static_cast<std::uint16_t>(values.number(Property::topic_alias, 0));
  if (values.has(Property::response_topic)) out.response_topic = values.response_topic;
  return std::nullopt;
}

}  // namespace

Decoded<Publish> decode_publish(const Frame& frame, Side from, Version version,
                                const Limits& limits) {
  Decoded<Publish> result;
  Publish& out = *result;
  const std::uint8_t flags = frame.header.flags;
  out.dup = (flags & 0x08) != 0;
  out.qos = flags >> 1 & 0x03;
  out.retain = (flags & 0x01) != 0;
  out.payload_size = frame.payload_size;

  Reader body(frame.body());
  if (!body.text(out.topic)) {
    result = std::unexpected(malformed(Check::truncated));
    return result;
  }
  // An empty topic is left for the alias to fill in, which stands further back.
  const bool empty = out.topic.empty();
  if (!empty || version != Version::v5) {
    if (const auto bad = check_topic_name(out.topic, limits)) {  // [MQTT-3.3.2-1] [MQTT-3.3.2-2]
      result = std::unexpected(topic_refusal(*bad, ReasonCode::topic_name_invalid));
      return result;
    }
  }
  if (out.qos != 0) {
    if (!body.u16(out.packet_id)) {
      result = std::unexpected(malformed(Check::truncated));
      return result;
    }
    if (out.packet_id == 0) {
      // [MQTT-2.3.1-1 (3.1.1)] [MQTT-2.2.1-3] [MQTT-2.2.1-4 (5.0)]
      result = std::unexpected(protocol_error(Check::packet_identifier));
      return result;
    }
  }
  if (version == Version::v5) {
    if (body.left() == 1 && *body.at() == 0) {
      std::uint8_t length = 0;
      static_cast<void>(body.u8(length));  // no properties: nearly all of them
    } else if (const auto bad = take_properties(body, from, limits, out)) {
      result = std::unexpected(*bad);
      return result;
    }
    if (empty && out.topic_alias == 0) {
      result = std::unexpected(protocol_error(Check::topic_name));  // 3.3.2.1
      return result;
    }
  }
  if (!body.done()) result = std::unexpected(malformed(Check::trailing_bytes));
  return result;
}

}  // namespace sallyport::mqtt
