#include "make.h"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sallyport/framer.h"
#include "sallyport/packet.h"

#include "describe.h"
#include "mqtt/encode.h"

namespace sallyport::differential {

namespace {

using namespace mqtt;
using nlohmann::json;
using Codes = std::vector<std::uint8_t>;

Version version_of(const json& request) {
  return static_cast<Version>(request.at("version").get<unsigned>());
}
PacketType type_of(const json& request) {
  return static_cast<PacketType>(request.at("type").get<unsigned>());
}
ReasonCode reason_of(const json& request) {
  return static_cast<ReasonCode>(request.at("reason").get<unsigned>());
}

/// The frame that a rewrite starts from; an empty one where `given` is not a frame from that side.
Frame frame_of(Bytes given, Side from, Version version) {
  constexpr std::uint32_t kMost = 5 + kMaxRemainingLength;
  const FrameResult result = next_frame(given, {from, version, kMost, kMost});
  return result.status == FrameResult::Status::frame ? result.frame : Frame{};
}

bool put_topic_back(const json& request, Bytes given, Buffer& out) {
  const Frame frame = frame_of(given, Side::client, version_of(request));
  if (frame.header.type != PacketType::publish) return false;
  if (!rewrite_publish_topic(frame, request.at("topic").get<std::string>(), out)) return false;
  out.append(given.subspan(frame.head.size(), frame.payload_size));  // which streams behind it
  return true;
}

bool take_filters_out(const json& request, Bytes given, Buffer& out) {
  const Version version = version_of(request);
  const Frame frame = frame_of(given, Side::client, version);
  if (frame.header.type != PacketType::subscribe && frame.header.type != PacketType::unsubscribe) {
    return false;
  }
  const auto packet = decode_subscribe(frame, version, unbounded());
  const auto keep = request.at("keep").get<std::vector<bool>>();
  if (!packet || packet->count != keep.size()) return false;
  return rewrite_subscribe(
      frame, *packet, [&keep](std::size_t i) { return keep[i]; }, out);
}

bool put_codes_back(const json& request, Bytes given, Buffer& out) {
  const Version version = version_of(request);
  const Frame frame = frame_of(given, Side::broker, version);
  if (frame.header.type != PacketType::suback && frame.header.type != PacketType::unsuback) {
    return false;
  }
  const auto packet = decode_suback(frame, version, unbounded());
  return packet && rewrite_suback(frame, *packet, request.at("codes").get<Codes>(), out);
}

bool set_properties(const json& request, Bytes given, Buffer& out) {
  const auto from = request.at("from") == "client" ? Side::client : Side::broker;
  const Frame frame = frame_of(given, from, Version::v5);
  if (frame.header.type != PacketType::connect && frame.header.type != PacketType::connack) {
    return false;
  }
  std::vector<PropertyChange> changes;
  for (const json& change : request.at("changes")) {
    changes.push_back(
        {static_cast<Property>(change.at(0).get<unsigned>()), change.at(1).get<std::uint32_t>()});
  }
  return rewrite_properties(frame, changes, out);
}

}  // namespace

bool make_packet(const json& request, Bytes given, Buffer& out) {
  const auto what = request.at("do").get<std::string>();
  if (what == "rewrite_publish_topic") return put_topic_back(request, given, out);
  if (what == "rewrite_subscribe") return take_filters_out(request, given, out);
  if (what == "rewrite_suback") return put_codes_back(request, given, out);
  if (what == "rewrite_properties") return set_properties(request, given, out);
  if (what == "connack") {
    encode_connack(version_of(request), request.at("sessionPresent").get<bool>(),
                   reason_of(request), out);
  } else if (what == "ack") {
    encode_ack(type_of(request), version_of(request), request.at("packetId").get<std::uint16_t>(),
               reason_of(request), out);
  } else if (what == "suback") {
    encode_suback(type_of(request), version_of(request),
                  request.at("packetId").get<std::uint16_t>(), request.at("codes").get<Codes>(),
                  out);
  } else if (what == "pingreq") {
    encode_pingreq(out);
  } else if (what == "pingresp") {
    encode_pingresp(out);
  } else if (what == "disconnect") {
    encode_disconnect(reason_of(request), out);
  } else {
    throw std::invalid_argument("there is no encoder named " + what);
  }
  return true;
}

}  // namespace sallyport::differential
