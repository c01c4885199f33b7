#include "describe.h"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "sallyport/framer.h"

#include "mqtt/plain_publish.h"

namespace sallyport::differential {

namespace {

using namespace mqtt;
using nlohmann::json;
using Described = std::expected<json, Malformed>;

constexpr std::uint32_t kLargestPacket = 5 + kMaxRemainingLength;

std::string hex_of(std::string_view text) { return to_hex(as_bytes(text)); }

template <typename T>
void set(json& out, const char* key, const std::optional<T>& value) {
  if (!value) return;
  if constexpr (std::is_same_v<T, std::string_view>) {
    out[key] = hex_of(*value);
  } else {
    out[key] = *value;
  }
}

/// {"17": [60], "38": [["6b", "76"], ...]}: identifier to values, in the order of the block.
json describe(const Properties& properties) {
  json out = json::object();
  PropertyView property;
  for (Bytes rest = properties.raw; next_property(rest, property);) {
    json& values = out[std::to_string(static_cast<unsigned>(property.id))];
    if (property.id == Property::user_property) {
      values.push_back(json::array({to_hex(property.value), to_hex(property.second)}));
    } else if (property.value.data() != nullptr) {
      values.push_back(to_hex(property.value));
    } else {
      values.push_back(property.number);
    }
  }
  return out;
}

json describe(const Connect& packet) {
  json out{{"type", "connect"},
           {"version", static_cast<unsigned>(packet.version)},
           {"bridge", packet.bridge},
           {"clean", packet.clean_start},
           {"keepAlive", packet.keep_alive},
           {"clientId", hex_of(packet.client_id)},
           {"password", packet.password.has_value()},
           {"sessionExpiry", packet.session_expiry},
           {"receiveMaximum", packet.receive_maximum},
           {"topicAliasMaximum", packet.topic_alias_maximum},
           {"problemInformation", packet.request_problem_information},
           {"responseInformation", packet.request_response_information},
           {"properties", describe(packet.properties)}};
  set(out, "username", packet.username);
  set(out, "maximumPacketSize", packet.maximum_packet_size);
  set(out, "authenticationMethod", packet.authentication_method);
  if (packet.will) {
    json will{{"topic", hex_of(packet.will->topic)},
              {"payloadSize", packet.will->payload_size()},
              {"qos", packet.will->qos},
              {"retain", packet.will->retain},
              {"properties", describe(packet.will->properties)}};
    set(will, "responseTopic", packet.will->response_topic);
    out["will"] = will;
  }
  return out;
}

json describe(const Connack& packet) {
  json out{{"type", "connack"},
           {"sessionPresent", packet.session_present},
           {"code", packet.code},
           {"receiveMaximum", packet.receive_maximum},
           {"maximumQos", packet.maximum_qos},
           {"retainAvailable", packet.retain_available},
           {"topicAliasMaximum", packet.topic_alias_maximum},
           {"properties", describe(packet.properties)}};
  set(out, "maximumPacketSize", packet.maximum_packet_size);
  set(out, "assignedClientId", packet.assigned_client_id);
  set(out, "serverKeepAlive", packet.server_keep_alive);
  set(out, "authenticationMethod", packet.authentication_method);
  return out;
}

json describe(const Publish& packet) {
  json out{{"type", "publish"},
           {"dup", packet.dup},
           {"retain", packet.retain},
           {"qos", packet.qos},
           {"packetId", packet.packet_id},
           {"topicAlias", packet.topic_alias},
           {"topic", hex_of(packet.topic)},
           {"payloadSize", packet.payload_size},
           {"properties", describe(packet.properties)}};
  set(out, "responseTopic", packet.response_topic);
  return out;
}

std::string lower(PacketType type) {
  std::string out(to_string(type));
  for (char& c : out) c = static_cast<char>(c | 0x20);
  return out;
}

json describe(const Ack& packet) {
  return {{"type", lower(packet.type)},
          {"packetId", packet.packet_id},
          {"reason", static_cast<unsigned>(packet.reason)},
          {"properties", describe(packet.properties)}};
}

json describe(const Subscribe& packet) {
  json filters = json::array();
  FilterEntry entry;
  for (Bytes rest = packet.payload; next_filter(packet.type, rest, entry);) {
    json one{{"filter", hex_of(entry.filter)}};
    if (packet.type == PacketType::subscribe) one["options"] = entry.options;
    filters.push_back(one);
  }
  return {{"type", lower(packet.type)},
          {"packetId", packet.packet_id},
          {"subscriptionId", packet.subscription_id},
          {"count", packet.count},
          {"filters", filters},
          {"properties", describe(packet.properties)}};
}

json describe(const Suback& packet) {
  return {{"type", lower(packet.type)},
          {"packetId", packet.packet_id},
          {"codes", to_hex(packet.codes)},
          {"properties", describe(packet.properties)}};
}

json describe(const Disconnect& packet) {
  json out{{"type", "disconnect"},
           {"reason", static_cast<unsigned>(packet.reason)},
           {"properties", describe(packet.properties)}};
  set(out, "sessionExpiry", packet.session_expiry);
  return out;
}

json describe(const Auth& packet) {
  json out{{"type", "auth"},
           {"reason", static_cast<unsigned>(packet.reason)},
           {"properties", describe(packet.properties)}};
  set(out, "authenticationMethod", packet.authentication_method);
  return out;
}

template <typename Packet>
Described described(const Decoded<Packet>& decoded) {
  if (!decoded) return std::unexpected(decoded.error());
  return describe(*decoded);
}

/// A request with a filter that goes no further under any bounds is refused, as the session does to
/// that filter.
Described described(const Decoded<Subscribe>& decoded, Version version) {
  if (!decoded) return std::unexpected(decoded.error());
  FilterEntry entry;
  for (Bytes rest = decoded->payload; next_filter(decoded->type, rest, entry);) {
    if (const auto over = entry_over(entry, version, unbounded())) return std::unexpected(*over);
  }
  return describe(*decoded);
}

/// One packet; a CONNECT sets `version`.
Described decode(const Frame& frame, Side from, Version& version) {
  const Bounds bounds = unbounded();
  switch (frame.header.type) {
    case PacketType::connect: {
      const auto connect = decode_connect(frame, bounds);
      if (connect) version = connect->version;
      return described(connect);
    }
    case PacketType::connack:
      return described(decode_connack(frame, version, bounds));
    case PacketType::publish:
      return described(decode_publish(frame, from, version, bounds));
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return described(decode_ack(frame, from, version, bounds));
    case PacketType::subscribe:
    case PacketType::unsubscribe:
      return described(decode_subscribe(frame, version, bounds), version);
    case PacketType::suback:
    case PacketType::unsuback:
      return described(decode_suback(frame, version, bounds));
    case PacketType::disconnect:
      return described(decode_disconnect(frame, from, version, bounds));
    case PacketType::auth:
      return described(decode_auth(frame, from, bounds));
    case PacketType::pingreq:
    case PacketType::pingresp:
      return json{{"type", lower(frame.header.type)}};
    case PacketType::reserved:
      break;
  }
  return std::unexpected(Malformed{Check::packet_type, ReasonCode::malformed_packet});
}

/// The shortcut for a PUBLISH that was decided before must say what the long way says. `decoded`:
/// null where that refuses the packet, by `check`. Empty, or what differs.
std::string shortcut_differs(Bytes in, Version version, const Frame& frame, const Publish* decoded,
                             Check check) {
  const PlainPublish plain = read_plain_publish(in, version);
  if (plain.total == 0) return {};
  if (decoded == nullptr) {
    // Whether its topic is well-formed is known from the first time.
    const bool topic = check == Check::topic_name || check == Check::utf8;
    return topic ? "" : "the shortcut takes what the decoder does not";
  }
  const bool same = plain.total == frame.header.total() && plain.topic == decoded->topic &&
                    plain.qos == decoded->qos && plain.retain == decoded->retain &&
                    plain.packet_id == decoded->packet_id && !decoded->dup &&
                    plain.payload_size == decoded->payload_size && decoded->topic_alias == 0 &&
                    decoded->properties.raw.empty();
  return same ? "" : "the shortcut reads another packet";
}
/// The same of whatever `in` begins with.
std::string shortcut_differs(Bytes in, Side from, Version version, const FrameResult& result) {
  using Status = FrameResult::Status;
  if (result.status == Status::frame && result.frame.header.type == PacketType::publish) {
    const auto packet = decode_publish(result.frame, from, version, unbounded());
    return shortcut_differs(in, version, result.frame, packet ? &*packet : nullptr,
                            packet ? Check::packet_type : packet.error().check);
  }
  return shortcut_differs(
      in, version, result.frame, nullptr,
      result.status == Status::malformed ? result.error.check : Check::packet_type);
}

void end_refused(json& out, Malformed error) {
  out["end"] = "refused";
  out["check"] = to_string(error.check);
  out["reason"] = static_cast<unsigned>(error.reason);
}

}  // namespace

std::string to_hex(Bytes bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 0x0F];
  }
  return out;
}

json describe_stream(Bytes bytes, Side from, Version version) {
  json out{{"packets", json::array()}, {"end", "whole"}};
  while (!bytes.empty()) {
    const FrameResult result = next_frame(bytes, {from, version, kLargestPacket, kLargestPacket});
    const std::string differs = shortcut_differs(bytes, from, version, result);
    if (!differs.empty()) out["shortcut"] = differs;
    if (result.status == FrameResult::Status::need_more) {
      out["end"] = "incomplete";
      return out;
    }
    if (result.status != FrameResult::Status::frame) {
      end_refused(out, result.error);
      return out;
    }
    const Frame& frame = result.frame;
    auto packet = decode(frame, from, version);
    if (!packet) {
      end_refused(out, packet.error());
      return out;
    }
    if (frame.header.total() > bytes.size()) {  // its payload is still on its way
      out["end"] = "incomplete";
      return out;
    }
    if (frame.header.type == PacketType::publish) {
      (*packet)["payload"] = to_hex(bytes.subspan(frame.head.size(), frame.payload_size));
    }
    out["packets"].push_back(*packet);
    bytes = bytes.subspan(static_cast<std::size_t>(frame.header.total()));
  }
  return out;
}

}  // namespace sallyport::differential
