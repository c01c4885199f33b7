#include "sallyport/packet.h"
#include "sallyport/topic.h"

#include "mqtt/plain_topic.h"
#include "mqtt/properties.h"
#include "mqtt/reader.h"
#include "mqtt/refusal.h"

/// PUBLISH. 3.3
namespace sallyport::mqtt {

namespace {

std::unexpected<Malformed> refuse(Malformed error) { return std::unexpected(error); }

/// The rest of a PUBLISH of 5.0 whose property block is not empty. Apart, so that it costs the
/// others nothing. 3.3.2.3
[[gnu::noinline]] Decoded<Publish> take_properties(Publish out, Reader from, Side side,
                                                   const Bounds& bounds) {
  PropertyValues values;
  const Place place =
      side == Side::client ? Place::publish_from_client : Place::publish_from_broker;
  if (const auto bad = read_any_properties(from, place, bounds, out.properties, values)) {
    return refuse(*bad);
  }
  if (!from.done()) return refuse(malformed(Check::trailing_bytes));
  if (!out.over) out.over = values.over;
  out.topic_alias = static_cast<std::uint16_t>(values.number(Property::topic_alias, 0));
  if (values.has(Property::response_topic)) out.response_topic = values.response_topic;
  if (out.topic.empty() && out.topic_alias == 0) {
    return refuse(protocol_error(Check::topic_name));  // 3.3.2.1
  }
  return out;
}

}  // namespace

Decoded<Publish> decode_publish(const Frame& frame, Side from, Version version,
                                const Bounds& bounds) {
  const std::uint8_t flags = frame.header.flags;
  const auto qos = static_cast<std::uint8_t>(flags >> 1 & 0x03);
  Reader body(frame.body());

  std::string_view topic;
  if (!body.text(topic)) return refuse(malformed(Check::truncated));
  std::optional<Malformed> over;
  // An empty topic of 5.0 is left for the alias to fill in, which stands further back.
  if (!is_plain_topic(topic, bounds) && (!topic.empty() || version != Version::v5)) {
    const auto find = [topic](const Bounds& under) { return check_topic_name(topic, under); };
    std::optional<Check> beyond;
    if (const auto bad = tell_apart(find, bounds, beyond)) {  // [MQTT-3.3.2-1] [MQTT-3.3.2-2]
      return refuse(malformed(*bad));
    }
    if (beyond) over = topic_refusal(*beyond, ReasonCode::topic_name_invalid);
  }
  std::uint16_t packet_id = 0;
  if (qos != 0) {
    if (!body.u16(packet_id)) return refuse(malformed(Check::truncated));
    if (packet_id == 0) {
      // [MQTT-2.3.1-1 (3.1.1)] [MQTT-2.2.1-3] [MQTT-2.2.1-4 (5.0)]
      return refuse(protocol_error(Check::packet_identifier));
    }
  }
  const Publish out{.dup = (flags & 0x08) != 0,
                    .retain = (flags & 0x01) != 0,
                    .qos = qos,
                    .packet_id = packet_id,
                    .topic = topic,
                    .response_topic = {},
                    .payload_size = frame.payload_size,
                    .over = over,
                    .properties = {}};
  if (version == Version::v5) {
    // Most have no properties: one byte of 0, and a topic of their own.
    if (body.left() != 1 || *body.at() != 0 || topic.empty()) {
      return take_properties(out, body, from, bounds);
    }
  } else if (!body.done()) {
    return refuse(malformed(Check::trailing_bytes));
  }
  return out;
}

}  // namespace sallyport::mqtt
