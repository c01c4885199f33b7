#include "mqtt/properties.h"

#include "sallyport/topic.h"

#include "mqtt/refusal.h"
#include "mqtt/varint.h"

namespace sallyport::mqtt {

namespace {

constexpr std::uint16_t bit(Place place) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(place));
}

// 2.2.2.2, with what the sections of the packets add about directions.
constexpr std::uint16_t kConnect = bit(Place::connect);
constexpr std::uint16_t kConnack = bit(Place::connack);
constexpr std::uint16_t kInWill = bit(Place::will);
constexpr std::uint16_t kFromBroker = bit(Place::publish_from_broker);
constexpr std::uint16_t kInPublish = bit(Place::publish_from_client) | kFromBroker;
constexpr std::uint16_t kSubscribe = bit(Place::subscribe);
constexpr std::uint16_t kDisconnectClient = bit(Place::disconnect_from_client);
constexpr std::uint16_t kDisconnectBroker = bit(Place::disconnect_from_broker);
constexpr std::uint16_t kAuth = bit(Place::auth);
constexpr std::uint16_t kEverywhere = 0xFFFF;

constexpr std::array<PropertyRule, 128> make_rules() {
  using enum PropertyKind;
  std::array<PropertyRule, 128> rules{};
  const auto set = [&rules](Property id, PropertyKind kind, std::uint16_t places,
                            bool not_zero = false, bool repeatable = false) {
    rules[static_cast<std::size_t>(id)] = {kind, places, not_zero, repeatable};
  };
  set(Property::payload_format_indicator, flag, kInPublish | kInWill);
  set(Property::message_expiry_interval, u32, kInPublish | kInWill);
  set(Property::content_type, text, kInPublish | kInWill);
  set(Property::response_topic, text, kInPublish | kInWill);
  set(Property::correlation_data, binary, kInPublish | kInWill);
  // Never in a PUBLISH from a client [MQTT-3.3.4-6]; once for every subscription in one from the
  // broker (3.3.2.3.8); once in SUBSCRIBE, which read_properties() sees to.
  set(Property::subscription_identifier, varint, kFromBroker | kSubscribe, true, true);
  // Not in a DISCONNECT from the broker. [MQTT-3.14.2-2]
  set(Property::session_expiry_interval, u32, kConnect | kConnack | kDisconnectClient);
  set(Property::assigned_client_identifier, text, kConnack);
  set(Property::server_keep_alive, u16, kConnack);
  set(Property::authentication_method, text, kConnect | kConnack | kAuth);
  set(Property::authentication_data, binary, kConnect | kConnack | kAuth);
  set(Property::request_problem_information, flag, kConnect);
  set(Property::will_delay_interval, u32, kInWill);
  set(Property::request_response_information, flag, kConnect);
  set(Property::response_information, text, kConnack);
  // Where a client should go instead is for the broker to say. 3.14.2.2.5
  set(Property::server_reference, text, kConnack | kDisconnectBroker);
  set(Property::reason_string, text,
      kConnack | bit(Place::ack) | kDisconnectClient | kDisconnectBroker | kAuth);
  set(Property::receive_maximum, u16, kConnect | kConnack, true);
  set(Property::topic_alias_maximum, u16, kConnect | kConnack);
  set(Property::topic_alias, u16, kInPublish, true);
  set(Property::maximum_qos, flag, kConnack);
  set(Property::retain_available, flag, kConnack);
  set(Property::user_property, pair, kEverywhere, false, true);
  set(Property::maximum_packet_size, u32, kConnect | kConnack, true);
  set(Property::wildcard_subscription_available, flag, kConnack);
  set(Property::subscription_identifier_available, flag, kConnack);
  set(Property::shared_subscription_available, flag, kConnack);
  return rules;
}
constexpr std::array<PropertyRule, 128> kRules = make_rules();
constexpr PropertyRule kNoRule{};

/// A property of the packet type, only sent by the wrong side, is not an error of parsing.
bool wrong_direction(Property id, Place place) {
  return (id == Property::subscription_identifier && place == Place::publish_from_client) ||
         (id == Property::session_expiry_interval && place == Place::disconnect_from_broker) ||
         (id == Property::server_reference && place == Place::disconnect_from_client);
}

/// What does not fit into the block: either its length is wrong or the value's.
constexpr Malformed kDoesNotFit = malformed(Check::property_length);

std::optional<Malformed> read_number(Reader& from, Property id, const PropertyRule& rule,
                                     PropertyValues& values) {
  std::uint32_t number = 0;
  switch (rule.kind) {
    case PropertyKind::flag: {
      std::uint8_t byte = 0;
      if (!from.u8(byte)) return kDoesNotFit;
      if (byte > 1) {
        // 2 is what holds without the property, and so what some brokers write. 3.2.2.3.4
        const bool harmless = id == Property::maximum_qos && byte == 2;
        if (!harmless || values.tolerated == nullptr) return protocol_error(Check::property_value);
        values.tolerated->add(Check::property_value);
      }
      number = byte;
      break;
    }
    case PropertyKind::u16: {
      std::uint16_t word = 0;
      if (!from.u16(word)) return kDoesNotFit;
      number = word;
      break;
    }
    case PropertyKind::u32:
      if (!from.u32(number)) return kDoesNotFit;
      break;
    default: {
      const VarInt varint = read_varint(from.at(), from.left());
      if (varint.status == VarInt::Status::incomplete) return kDoesNotFit;
      if (varint.status == VarInt::Status::malformed || !varint.minimal()) {
        return malformed(Check::property_value);  // [MQTT-1.5.5-1]
      }
      Bytes taken;
      if (!from.bytes(varint.size, taken)) return kDoesNotFit;
      number = varint.value;
    }
  }
  if (number == 0 && rule.not_zero) {
    if (id == Property::topic_alias) {
      return Malformed{Check::topic_alias, ReasonCode::topic_alias_invalid};  // [MQTT-3.3.2-8]
    }
    return protocol_error(Check::property_value);
  }
  values.numbers[static_cast<std::size_t>(id)] = number;
  return std::nullopt;
}

void note_over(Malformed bound, PropertyValues& values) {
  if (!values.over) values.over = bound;
}

std::optional<Malformed> check_any_text(std::string_view text, const Bounds& bounds,
                                        PropertyValues& values) {
  std::optional<Check> over;
  const auto find = [text](const Bounds& under) {
    return check_utf8(text, under.refuse_control_characters);
  };
  if (const auto bad = tell_apart(find, bounds, over)) return malformed(*bad);
  if (over) note_over(malformed(*over), values);
  return std::nullopt;
}

std::optional<Malformed> read_text(Reader& from, Property id, const Bounds& bounds,
                                   PropertyValues& values) {
  std::string_view text;
  if (!from.text(text)) return kDoesNotFit;
  if (id == Property::response_topic) {
    // A topic name like any other. [MQTT-3.3.2-13] [MQTT-3.3.2-14]
    std::optional<Check> over;
    const auto find = [text](const Bounds& under) { return check_topic_name(text, under); };
    if (const auto bad = tell_apart(find, bounds, over)) return malformed(*bad);
    if (over) note_over(topic_refusal(*over, ReasonCode::topic_name_invalid), values);
    values.response_topic = text;
    return std::nullopt;
  }
  if (const auto bad = check_any_text(text, bounds, values)) return bad;
  if (id == Property::authentication_method) values.authentication_method = text;
  if (id == Property::assigned_client_identifier) values.assigned_client_id = text;
  return std::nullopt;
}

std::optional<Malformed> read_user_property(Reader& from, const Bounds& bounds, Properties& block,
                                            PropertyValues& values) {
  std::string_view name;
  std::string_view value;
  if (!from.text(name) || !from.text(value)) return kDoesNotFit;
  const auto bytes = static_cast<std::uint32_t>(name.size() + value.size());
  if (block.user_count >= bounds.max_user_properties ||
      bytes > bounds.max_user_property_bytes - block.user_bytes) {
    note_over(over_quota(Check::user_properties), values);
  } else {
    ++block.user_count;
    block.user_bytes += bytes;
  }
  if (const auto bad = check_any_text(name, bounds, values)) return bad;
  return check_any_text(value, bounds, values);
}

std::optional<Malformed> read_property(Reader& from, Place place, const Bounds& bounds,
                                       Properties& block, PropertyValues& values) {
  std::uint8_t byte = 0;
  if (!from.u8(byte)) return kDoesNotFit;
  const PropertyRule& rule = property_rule(byte);
  const auto id = static_cast<Property>(byte);
  if (!rule.allowed(place)) {
    // 2.2.2.2 says malformed.
    return wrong_direction(id, place) ? protocol_error(Check::property_unknown)
                                      : malformed(Check::property_unknown);
  }
  const std::uint64_t mark = std::uint64_t{1} << byte;
  const bool may_repeat =
      rule.kind == PropertyKind::pair || (rule.repeatable && place == Place::publish_from_broker);
  if ((values.seen & mark) != 0 && !may_repeat) return protocol_error(Check::property_twice);
  values.seen |= mark;

  switch (rule.kind) {
    case PropertyKind::text:
      return read_text(from, id, bounds, values);
    case PropertyKind::pair:
      return read_user_property(from, bounds, block, values);
    case PropertyKind::binary: {
      Bytes data;
      if (!from.binary(data)) return kDoesNotFit;
      return std::nullopt;
    }
    default:
      return read_number(from, id, rule, values);
  }
}

}  // namespace

const PropertyRule& property_rule(std::uint8_t id) {
  return id < kRules.size() ? kRules[id] : kNoRule;
}

std::optional<Malformed> read_properties(Reader& from, Place place, const Bounds& bounds,
                                         Properties& block, PropertyValues& values) {
  if (const auto bad = read_any_properties(from, place, bounds, block, values)) return bad;
  return values.over;
}

std::optional<Malformed> read_any_properties(Reader& from, Place place, const Bounds& bounds,
                                             Properties& block, PropertyValues& values) {
  const VarInt length = read_varint(from.at(), from.left());
  if (length.status == VarInt::Status::incomplete) return malformed(Check::truncated);
  Bytes prefix;
  Bytes raw;
  if (length.status != VarInt::Status::complete || !length.minimal() ||
      !from.bytes(length.size, prefix) || !from.bytes(length.value, raw)) {
    return kDoesNotFit;
  }
  block.raw = raw;
  for (Reader rest(raw); !rest.done();) {
    if (const auto bad = read_property(rest, place, bounds, block, values)) return bad;
  }
  return std::nullopt;
}

bool next_property(Bytes& rest, PropertyView& out) {
  Reader from(rest);
  std::uint8_t byte = 0;
  if (!from.u8(byte)) return false;
  out = {};
  out.id = static_cast<Property>(byte);
  bool whole = false;
  switch (property_rule(byte).kind) {
    case PropertyKind::none:
      break;
    case PropertyKind::flag: {
      std::uint8_t number = 0;
      whole = from.u8(number);
      out.number = number;
      break;
    }
    case PropertyKind::u16: {
      std::uint16_t number = 0;
      whole = from.u16(number);
      out.number = number;
      break;
    }
    case PropertyKind::u32:
      whole = from.u32(out.number);
      break;
    case PropertyKind::varint: {
      const VarInt varint = read_varint(from.at(), from.left());
      Bytes taken;
      whole = varint.status == VarInt::Status::complete && from.bytes(varint.size, taken);
      out.number = varint.value;
      break;
    }
    case PropertyKind::text:
    case PropertyKind::binary:
      whole = from.binary(out.value);
      break;
    case PropertyKind::pair:
      whole = from.binary(out.value) && from.binary(out.second);
      break;
  }
  if (!whole) return false;
  out.raw = rest.first(rest.size() - from.left());
  rest = from.rest();
  return true;
}

bool copy_good_properties(Bytes block, Place place, Buffer& out) {
  static constexpr Bounds kGrammar = unbounded();
  Properties counts;
  PropertyValues values;
  CheckSet tolerated;
  values.tolerated = &tolerated;
  PropertyView property;
  while (next_property(block, property)) {
    Reader from(property.raw);
    if (!read_property(from, place, kGrammar, counts, values)) out.append(property.raw);
  }
  return block.empty();
}

bool has_property(Bytes block, Property id) {
  PropertyView property;
  while (next_property(block, property)) {
    if (property.id == id) return true;
  }
  return false;
}

}  // namespace sallyport::mqtt
