#include "sallyport/packet.h"
#include "sallyport/topic.h"

#include "mqtt/properties.h"
#include "mqtt/reader.h"
#include "mqtt/reason_codes.h"
#include "mqtt/refusal.h"

/// SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK. 3.8 to 3.11
namespace sallyport::mqtt {

namespace {

constexpr std::uint8_t kQos = 0x03;
constexpr std::uint8_t kNoLocal = 0x04;
constexpr std::uint8_t kRetainHandling = 0x30;
constexpr std::uint8_t kReserved5 = 0xC0;

/// The packet identifier, and in 5.0 the properties, with which all four begin.
template <typename Packet>
std::optional<Malformed> read_beginning(Reader& from, Place place, Version version,
                                        const Bounds& bounds, Packet& out, PropertyValues& values) {
  if (!from.u16(out.packet_id)) return malformed(Check::truncated);
  // [MQTT-2.3.1-1 (3.1.1)] [MQTT-2.2.1-3 (5.0)]
  if (out.packet_id == 0) return protocol_error(Check::packet_identifier);
  if (version != Version::v5) return std::nullopt;
  return read_any_properties(from, place, bounds, out.properties, values);
}

/// The byte behind a filter of SUBSCRIBE. 3.8.3.1 (5.0)
std::optional<Malformed> check_options(std::uint8_t options, Version version, bool shared) {
  constexpr auto kCheck = Check::subscription_options;
  if (version == Version::v3_1) options &= kQos;  // the others are not used there. 3.8 (3.1)
  if (version != Version::v5) {
    if (options > 2) return malformed(kCheck);  // [MQTT-3-8.3-4]
    return std::nullopt;
  }
  if ((options & kReserved5) != 0) return malformed(kCheck);  // [MQTT-3.8.3-5]
  if ((options & kQos) == 3) return protocol_error(kCheck);
  if ((options & kRetainHandling) == kRetainHandling) return protocol_error(kCheck);
  if (shared && (options & kNoLocal) != 0) return protocol_error(kCheck);  // [MQTT-3.8.3-4]
  return std::nullopt;
}

/// Returns what is malformed about a filter; puts into `over` what bound it is beyond. 3.x gives
/// `$share` no meaning, so a share without a name and a filter is well-formed there. It goes no
/// further all the same, for brokers read it as 5.0 does. (CVE-2025-68699)
std::optional<Check> check_filter(std::string_view filter, Version version, const Bounds& bounds,
                                  std::optional<Check>& over) {
  const auto find = [&filter](const Bounds& under) { return check_topic_filter(filter, under); };
  const auto bad = tell_apart(find, bounds, over);
  if (bad != Check::share_name || version == Version::v5) return bad;
  filter.remove_prefix(1);
  if (const auto worse = tell_apart(find, bounds, over)) return worse;
  over = Check::share_name;
  return std::nullopt;
}

std::optional<Malformed> check_entry(Reader& from, Version version, const Bounds& bounds,
                                     Subscribe& out) {
  std::string_view filter;
  if (!from.text(filter)) return malformed(Check::truncated);
  std::optional<Check> over;
  if (const auto bad = check_filter(filter, version, bounds, over)) {
    return malformed(*bad);  // [MQTT-3.8.3-1] [MQTT-3.10.3-1]
  }
  out.entries_over = out.entries_over || over.has_value() || out.count == bounds.max_filters;
  ++out.count;
  if (out.type == PacketType::unsubscribe) return std::nullopt;
  std::uint8_t options = 0;
  if (!from.u8(options)) return malformed(Check::truncated);
  return check_options(options, version, !split_share(filter).share_name.empty());
}

bool code_allowed(PacketType type, Version version, std::uint8_t code) {
  if (version == Version::v5) return reason_allowed(type, Side::broker, code);
  // 3.1 uses the lower two bits only; it has no code for failure, and brokers use that of 3.1.1.
  // [MQTT-3.9.3-2] 3.9 (3.1)
  if (version == Version::v3_1) return (code & kQos) != 3;
  return code <= 2 || code == kSubackFailure;
}

}  // namespace

Decoded<Subscribe> decode_subscribe(const Frame& frame, Version version, const Bounds& bounds) {
  Subscribe out;
  out.type = frame.header.type;
  const Place place = out.type == PacketType::subscribe ? Place::subscribe : Place::unsubscribe;
  Reader from(frame.body());
  PropertyValues values;
  if (const auto bad = read_beginning(from, place, version, bounds, out, values)) {
    return std::unexpected(*bad);
  }
  out.over = values.over;
  out.subscription_id = values.number(Property::subscription_identifier, 0);
  out.payload = from.rest();
  if (from.done()) {
    return std::unexpected(protocol_error(Check::no_filters));  // [MQTT-3.8.3-2] [MQTT-3.10.3-2]
  }
  while (!from.done()) {
    if (const auto bad = check_entry(from, version, bounds, out)) return std::unexpected(*bad);
  }
  return out;
}

std::optional<Malformed> entry_over(const FilterEntry& entry, Version version,
                                    const Bounds& bounds) {
  std::optional<Check> over;
  static_cast<void>(check_filter(entry.filter, version, bounds, over));  // it is well-formed
  if (!over) return std::nullopt;
  return Malformed{*over, ReasonCode::topic_filter_invalid};
}

bool next_filter(PacketType type, Bytes& rest, FilterEntry& out) {
  Reader from(rest);
  FilterEntry entry;
  if (!from.text(entry.filter)) return false;
  if (type == PacketType::subscribe && !from.u8(entry.options)) return false;
  entry.raw = rest.first(rest.size() - from.left());
  out = entry;
  rest = from.rest();
  return true;
}

Decoded<Suback> decode_suback(const Frame& frame, Version version, const Bounds& bounds,
                              CheckSet* tolerated) {
  Suback out;
  out.type = frame.header.type;
  Reader from(frame.body());
  PropertyValues values;
  if (const auto bad = read_beginning(from, Place::ack, version, bounds, out, values)) {
    return std::unexpected(*bad);
  }
  if (values.over) return std::unexpected(*values.over);
  out.codes = from.rest();
  if (out.type == PacketType::unsuback && version != Version::v5) {
    if (!from.done()) return std::unexpected(malformed(Check::trailing_bytes));
    return out;
  }
  if (out.codes.empty()) return std::unexpected(malformed(Check::truncated));
  for (const std::uint8_t code : out.codes) {
    if (code_allowed(out.type, version, code)) continue;
    // A failure is one to everybody. What grants a QoS that does not exist is not for an array of a
    // client's to meet.
    if (tolerated == nullptr || code < kSubackFailure) {
      return std::unexpected(protocol_error(Check::reason_code));
    }
    tolerated->add(Check::reason_code);
  }
  return out;
}

}  // namespace sallyport::mqtt
