// The decoders: what they accept says, written out again by other hands, the same bytes; every view
// lies inside the packet; and every rewrite changes what it should and nothing else.

#include <string>
#include <vector>

#include "sallyport/packet.h"
#include "sallyport/topic.h"

#include "check.h"
#include "input.h"
#include "mqtt/encode.h"
#include "wire.h"

using namespace sallyport;
using namespace sallyport::fuzz;
using mqtt::Frame;
using mqtt::PacketType;
using mqtt::Property;
using mqtt::Version;

namespace {

constexpr Version kVersions[] = {Version::v5, Version::v3_1_1, Version::v3_1};

struct Case {
  Frame frame;
  Side from = Side::client;
  Version version = Version::v3_1_1;
  Bounds bounds;

  [[nodiscard]] bool five() const { return version == Version::v5; }
  [[nodiscard]] wire::Level level() const { return static_cast<wire::Level>(version); }
  [[nodiscard]] std::string_view body() const { return as_text(frame.body()); }
};

bool inside(const Case& c, std::string_view view) {
  if (view.empty()) return true;
  const auto* at = reinterpret_cast<const std::uint8_t*>(view.data());
  return at >= c.frame.head.data() && at + view.size() <= c.frame.head.data() + c.frame.head.size();
}
bool inside(const Case& c, Bytes view) { return inside(c, as_text(view)); }

/// The block is made of whole properties, and the user properties are counted rightly.
void check_properties(const Case& c, const mqtt::Properties& properties) {
  must(inside(c, properties.raw), "properties lie inside the packet");
  if (!c.five()) must(properties.raw.empty(), "before 5.0 there are none");
  std::size_t bytes = 0;
  std::size_t users = 0;
  std::size_t user_bytes = 0;
  mqtt::PropertyView view;
  for (Bytes rest = properties.raw; !rest.empty();) {
    must(mqtt::next_property(rest, view), "a validated block can be walked to its end");
    must(inside(c, view.raw) && inside(c, view.value) && inside(c, view.second),
         "a property lies inside the packet");
    must(mqtt::has_property(properties.raw, view.id), "a property that is there is found");
    bytes += view.raw.size();
    if (view.id != Property::user_property) continue;
    ++users;
    user_bytes += view.value.size() + view.second.size();
  }
  must(bytes == properties.raw.size(), "the properties fill their block");
  must(users == properties.user_count && user_bytes == properties.user_bytes,
       "user properties are counted");
  must(users <= c.bounds.max_user_properties && user_bytes <= c.bounds.max_user_property_bytes,
       "user properties keep to the limit");
}

std::string block(const Case& c, const mqtt::Properties& properties) {
  return wire::properties(c.level(), as_text(properties.raw));
}
std::string entries(const mqtt::Subscribe& packet) {
  std::string out;
  mqtt::FilterEntry entry;
  for (Bytes rest = packet.payload; mqtt::next_filter(packet.type, rest, entry);) {
    out += wire::text(entry.filter);
    if (packet.type == PacketType::subscribe) out += wire::u8(entry.options);
  }
  return out;
}

/// The frame that a rewrite made, of which the payload of a PUBLISH is not there.
Frame reframe(const Buffer& out, const Case& c) {
  const auto result = mqtt::next_frame(out.bytes(), {c.from, c.version, UINT32_MAX, UINT32_MAX});
  must(result.status == mqtt::FrameResult::Status::frame, "a rewrite makes a packet");
  must(result.frame.head.size() == out.size(), "and one only");
  return result.frame;
}

void check_connect(const Case& c) {
  const auto decoded = mqtt::decode_connect(c.frame, c.bounds);
  if (!decoded) return;
  const mqtt::Connect& p = *decoded;
  Case as = c;
  as.version = p.version;
  check_properties(as, p.properties);
  const std::string_view body = c.body();
  must(p.client_id.size() <= c.bounds.max_client_id_length, "the identifier keeps to the limit");
  must(!p.bridge || c.bounds.bridges, "a bridge only where they are let in");
  std::string beginning = wire::text(p.version == Version::v3_1 ? "MQIsdp" : "MQTT") +
                          wire::u8(static_cast<unsigned>(p.version) | (p.bridge ? 0x80U : 0U));
  const auto flags = static_cast<std::uint8_t>(body.at(beginning.size()));
  must(((flags & 2) != 0) == p.clean_start, "clean start is its flag");
  must(((flags & 4) != 0) == p.will.has_value(), "a Will is its flag");
  beginning +=
      wire::u8(flags) + wire::u16(p.keep_alive) + block(as, p.properties) + wire::text(p.client_id);
  must(body.starts_with(beginning), "CONNECT says what is in it");

  // The rest is counted: of a password only that it is there is known.
  std::size_t size = beginning.size();
  if (p.will) {
    check_properties(as, p.will->properties);
    const std::string will = block(as, p.will->properties) + wire::text(p.will->topic) +
                             wire::u16(p.will->payload_size());
    must(body.substr(size).starts_with(will), "the Will says what is in it");
    must(p.will->qos == (flags >> 3 & 3) && p.will->retain == ((flags & 0x20) != 0),
         "so do its flags");
    must(!mqtt::check_topic_name(p.will->topic, c.bounds), "the Will's topic is a topic");
    size += will.size() + p.will->payload_size();
  }
  if (p.username) {
    must(body.substr(size).starts_with(wire::text(*p.username)), "the user name is there");
    size += 2 + p.username->size();
  }
  if (p.password.has_value()) {
    must(body.size() >= size + 2, "the password is there");
    size += 2 + static_cast<std::uint8_t>(body[size]) * 256U +
            static_cast<std::uint8_t>(body[size + 1]);
  }
  must(size == body.size(), "all of CONNECT is read");

  if (p.version != Version::v5) return;
  const mqtt::PropertyChange changes[] = {{Property::topic_alias_maximum, 3},
                                          {Property::maximum_packet_size, 70'000}};
  Buffer out;
  must(mqtt::rewrite_properties(c.frame, changes, out), "properties can be set");
  const Frame frame = reframe(out, as);
  Bounds wide = c.bounds;
  wide.max_user_properties = UINT16_MAX;
  const auto again = mqtt::decode_connect(frame, wide);
  must(again.has_value(), "the rewritten CONNECT is one");
  must(again->topic_alias_maximum == 3 && again->maximum_packet_size == 70'000,
       "the properties are set");
  must(again->client_id == p.client_id && again->username == p.username &&
           again->receive_maximum == p.receive_maximum &&
           again->session_expiry == p.session_expiry && again->keep_alive == p.keep_alive,
       "all else is as it was");
  must(as_text(frame.body()).ends_with(body.substr(beginning.size() - 2 - p.client_id.size())),
       "the payload is verbatim");
}

void check_connack(const Case& c) {
  const auto decoded = mqtt::decode_connack(c.frame, c.version, c.bounds);
  if (!decoded) return;
  const mqtt::Connack& p = *decoded;
  check_properties(c, p.properties);
  must(!p.session_present || p.code == 0, "a refusal presents no session");
  if (c.body().size() == 2) return;  // of 3.x, or from a broker that knows no 5.0
  must(c.body() == wire::u8(p.session_present) + wire::u8(p.code) + block(c, p.properties),
       "CONNACK says what is in it");
  const mqtt::PropertyChange changes[] = {{Property::server_keep_alive, 7},
                                          {Property::receive_maximum, 9}};
  Buffer out;
  must(mqtt::rewrite_properties(c.frame, changes, out), "properties can be set");
  const auto again = mqtt::decode_connack(reframe(out, c), c.version, c.bounds);
  must(again.has_value(), "the rewritten CONNACK is one");
  must(again->server_keep_alive == 7 && again->receive_maximum == 9, "the properties are set");
  must(again->code == p.code && again->maximum_packet_size == p.maximum_packet_size &&
           again->assigned_client_id == p.assigned_client_id &&
           again->topic_alias_maximum == p.topic_alias_maximum,
       "all else is as it was");
}

void check_publish(const Case& c) {
  const auto decoded = mqtt::decode_publish(c.frame, c.from, c.version, c.bounds);
  if (!decoded) return;
  const mqtt::Publish& p = *decoded;
  const auto wide = mqtt::decode_publish(c.frame, c.from, c.version, unbounded());
  must(wide.has_value(), "what is beyond a bound is well-formed");
  // With so many user properties a packet would be larger than inputs are.
  must(!wide->over, "and beyond nothing where there is no bound");
  if (p.over) {
    must(p.topic == wide->topic && p.topic_alias == wide->topic_alias &&
             p.packet_id == wide->packet_id && p.payload_size == wide->payload_size,
         "the answer is to what the packet says");
    return;
  }
  check_properties(c, p.properties);
  must(inside(c, p.topic), "the topic lies inside the packet");
  must(p.topic.empty() ? p.topic_alias != 0 : !mqtt::check_topic_name(p.topic, c.bounds),
       "the topic is one, or an alias stands for it");
  must((p.qos == 0) == (p.packet_id == 0), "QoS and packet identifier go together");
  must(c.frame.header.flags == (p.dup ? 8 : 0) + p.qos * 2 + (p.retain ? 1 : 0),
       "the flags are what they are");
  std::string body = wire::text(p.topic);
  if (p.qos != 0) body += wire::u16(p.packet_id);
  body += block(c, p.properties);
  must(body == c.body(), "PUBLISH says what is in it");

  const std::string rest = wire::text("other/topic") + body.substr(2 + p.topic.size());
  const std::size_t remaining = rest.size() + p.payload_size;
  const bool fits = remaining <= mqtt::kMaxRemainingLength;
  Buffer out;
  must(mqtt::rewrite_publish_topic(c.frame, "other/topic", out) == fits,
       "a topic can be put in, where there is room");
  if (!fits) return;
  must(as_text(out.bytes()) ==
           wire::u8(c.frame.head[0]) + wire::varint(static_cast<std::uint32_t>(remaining)) + rest,
       "the rest is verbatim");
}

void check_ack(const Case& c) {
  const auto decoded = mqtt::decode_ack(c.frame, c.from, c.version, c.bounds);
  if (!decoded) return;
  check_properties(c, decoded->properties);
  must(decoded->packet_id != 0, "no identifier is 0");
  must(decoded->type == c.frame.header.type, "the type is kept");
  const std::string shortest = wire::u16(decoded->packet_id);
  const std::string reason = shortest + wire::u8(static_cast<unsigned>(decoded->reason));
  must(c.body() == shortest
           ? decoded->reason == mqtt::ReasonCode::success
           : c.body() == reason || c.body() == reason + block(c, decoded->properties),
       "the acknowledgement says what is in it");
}

void check_subscribe(const Case& c) {
  const auto decoded = mqtt::decode_subscribe(c.frame, c.version, c.bounds);
  if (!decoded) return;
  const mqtt::Subscribe& p = *decoded;
  const auto wide = mqtt::decode_subscribe(c.frame, c.version, unbounded());
  must(wide.has_value() && !wide->over, "what is beyond a bound is well-formed");
  must(p.count != 0 && p.count == wide->count, "all filters are counted");
  if (p.over) return;
  check_properties(c, p.properties);
  must(c.body() == wire::u16(p.packet_id) + block(c, p.properties) + entries(p),
       "the request says what is in it");
  std::size_t count = 0;
  bool beyond = false;
  mqtt::FilterEntry entry;
  for (Bytes rest = p.payload; mqtt::next_filter(p.type, rest, entry); ++count) {
    must(inside(c, entry.filter) && inside(c, entry.raw), "a filter lies inside the packet");
    const auto over = mqtt::entry_over(entry, c.version, c.bounds);
    must(over.has_value() == mqtt::check_topic_filter(entry.filter, c.bounds).has_value(),
         "a filter is one, or beyond a bound");
    beyond = beyond || over || count >= c.bounds.max_filters;
    if (p.type == PacketType::subscribe) must(entry.qos() != 3, "a QoS is 0, 1 or 2");
  }
  must(count == p.count, "filters are counted");
  must(beyond == p.entries_over, "and those beyond a bound are told of");

  for (std::size_t drop = 0; drop < std::min<std::size_t>(p.count, 3); ++drop) {
    Buffer out;
    const auto keep = [drop](std::size_t i) { return i % 3 != drop; };
    const bool some = p.count > 1 || drop != 0;
    must(mqtt::rewrite_subscribe(c.frame, p, keep, out) == some, "filters can be taken out");
    if (!some) continue;
    const auto again = mqtt::decode_subscribe(reframe(out, c), c.version, c.bounds);
    must(again.has_value() && again->packet_id == p.packet_id, "the rest is a request");
    must(as_text(again->properties.raw) == as_text(p.properties.raw), "with its properties");
    std::string kept;
    std::size_t index = 0;
    for (Bytes rest = p.payload; mqtt::next_filter(p.type, rest, entry); ++index) {
      if (keep(index)) kept += as_text(entry.raw);
    }
    must(as_text(again->payload) == kept, "and the filters that were kept");
  }
}

void check_suback(const Case& c) {
  const auto decoded = mqtt::decode_suback(c.frame, c.version, c.bounds);
  if (!decoded) return;
  check_properties(c, decoded->properties);
  const std::string beginning = wire::u16(decoded->packet_id) + block(c, decoded->properties);
  must(c.body() == beginning + std::string(as_text(decoded->codes)), "SUBACK says what is in it");
  if (!c.five() && decoded->type == PacketType::unsuback) return;
  const std::uint8_t codes[] = {0, 0x80, 0};
  Buffer out;
  must(mqtt::rewrite_suback(c.frame, *decoded, codes, out), "codes can be put in");
  must(
      as_text(out.bytes()) == wire::packet(c.frame.head[0], beginning + std::string("\0\x80\0", 3)),
      "the rest is verbatim");
}

void check_disconnect(const Case& c) {
  const auto decoded = mqtt::decode_disconnect(c.frame, c.from, c.version, c.bounds);
  if (!decoded) return;
  check_properties(c, decoded->properties);
  const std::string reason = wire::u8(static_cast<unsigned>(decoded->reason));
  must(c.body().empty() ? decoded->reason == mqtt::ReasonCode::success
                        : c.body() == reason || c.body() == reason + block(c, decoded->properties),
       "DISCONNECT says what is in it");
}

void check_auth(const Case& c) {
  const auto decoded = mqtt::decode_auth(c.frame, c.from, c.bounds);
  if (!decoded) return;
  check_properties(c, decoded->properties);
  must(c.body().empty() || c.body() == wire::u8(static_cast<unsigned>(decoded->reason)) +
                                           block(c, decoded->properties),
       "AUTH says what is in it");
  must(c.body().empty() || decoded->authentication_method, "AUTH names its method");
}

void check_packet(const Case& c) {
  switch (c.frame.header.type) {
    case PacketType::connect:
      return check_connect(c);
    case PacketType::connack:
      return check_connack(c);
    case PacketType::publish:
      return check_publish(c);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return check_ack(c);
    case PacketType::subscribe:
    case PacketType::unsubscribe:
      return check_subscribe(c);
    case PacketType::suback:
    case PacketType::unsuback:
      return check_suback(c);
    case PacketType::disconnect:
      return check_disconnect(c);
    case PacketType::auth:
      return check_auth(c);
    default:
      return;
  }
}

Bounds limits_from(Input& input) {
  Bounds bounds;
  bounds.refuse_control_characters = input.flag();
  bounds.bridges = input.flag();
  if (input.flag()) {
    bounds.max_topic_length = static_cast<std::uint16_t>(1 + input.below(60));
    bounds.max_topic_levels = static_cast<std::uint16_t>(1 + input.below(8));
    bounds.max_client_id_length = static_cast<std::uint16_t>(1 + input.below(30));
    bounds.max_filters = static_cast<std::uint16_t>(1 + input.below(5));
    bounds.max_user_properties = static_cast<std::uint16_t>(input.below(4));
    bounds.max_user_property_bytes = static_cast<std::uint32_t>(input.below(30));
  }
  return bounds;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input({data, size});
  Case c;
  c.version = kVersions[input.below(std::size(kVersions))];
  c.from = input.flag() ? Side::broker : Side::client;
  c.bounds = limits_from(input);
  Bytes in = input.rest();
  for (int packets = 0; packets < 16; ++packets) {
    const auto result = mqtt::next_frame(in, {c.from, c.version, UINT32_MAX, UINT32_MAX});
    if (result.status != mqtt::FrameResult::Status::frame) return 0;
    const Exact head(result.frame.head);
    c.frame = result.frame;
    c.frame.head = head.bytes();
    check_packet(c);
    if (in.size() <= result.frame.header.total()) return 0;
    in = in.subspan(static_cast<std::size_t>(result.frame.header.total()));
  }
  return 0;
}
