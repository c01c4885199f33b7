#pragma once

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "sallyport/packet.h"

#include "wire.h"

/// What the tests of this folder share: bytes in, a short verdict out.
namespace sallyport::mqtt::test {

inline constexpr Version kVersions[] = {Version::v3_1, Version::v3_1_1, Version::v5};
inline constexpr auto kClient = Side::client;
inline constexpr auto kBroker = Side::broker;

inline wire::Level level(Version version) { return static_cast<wire::Level>(version); }

/// A copy in memory that ends where the bytes end, so that AddressSanitizer sees every read beyond.
class Exact {
 public:
  explicit Exact(std::string_view bytes)
      : data_(new std::uint8_t[bytes.size()]), size_(bytes.size()) {
    if (size_ != 0) std::memcpy(data_.get(), bytes.data(), size_);
  }
  [[nodiscard]] Bytes bytes() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t size_;
};

inline FrameRules rules(Side from, Version version) { return {from, version, 1U << 20, 1U << 19}; }

/// "mqtt.utf8 81": the check and the reason code.
inline std::string to_text(Malformed error) {
  char code[8];
  std::snprintf(code, sizeof code, " %02X", static_cast<unsigned>(error.reason));
  return std::string(to_string(error.check)) + code;
}

template <typename Packet>
std::string to_text(const Decoded<Packet>& decoded) {
  return decoded ? "ok" : to_text(decoded.error());
}

/// A packet that is well-formed and beyond a bound reads as the first bound that it is beyond.
inline std::string to_text(const Decoded<Publish>& decoded) {
  return decoded && decoded->over ? to_text(*decoded->over) : to_text<Publish>(decoded);
}
inline std::string to_text(const Decoded<Subscribe>& decoded, Version version,
                           const Bounds& bounds) {
  if (!decoded) return to_text(decoded.error());
  if (decoded->over) return to_text(*decoded->over);
  std::uint32_t index = 0;
  FilterEntry entry;
  for (Bytes rest = decoded->payload; next_filter(decoded->type, rest, entry); ++index) {
    if (const auto over = entry_over(entry, version, bounds)) return to_text(*over);
    if (index == bounds.max_filters) return "too many filters";
  }
  return decoded->entries_over ? "wrong flag" : "ok";
}

/// Runs the decoder of whatever the frame is.
inline std::string decode(const Frame& frame, Side from, Version version, const Bounds& bounds) {
  switch (frame.header.type) {
    case PacketType::connect:
      return to_text(decode_connect(frame, bounds));
    case PacketType::connack:
      return to_text(decode_connack(frame, version, bounds));
    case PacketType::publish:
      return to_text(decode_publish(frame, from, version, bounds));
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return to_text(decode_ack(frame, from, version, bounds));
    case PacketType::subscribe:
    case PacketType::unsubscribe:
      return to_text(decode_subscribe(frame, version, bounds), version, bounds);
    case PacketType::suback:
    case PacketType::unsuback:
      return to_text(decode_suback(frame, version, bounds));
    case PacketType::disconnect:
      return to_text(decode_disconnect(frame, from, version, bounds));
    case PacketType::auth:
      return to_text(decode_auth(frame, from, bounds));
    default:
      return "ok";
  }
}

/// What becomes of one packet that `from` sends: "ok", a check and its reason code, "need N", or
/// "left over" where the packet is shorter than the bytes.
inline std::string outcome(std::string_view bytes, Side from, Version version,
                           const Bounds& bounds = {}) {
  const Exact in(bytes);
  const FrameResult result = next_frame(in.bytes(), rules(from, version));
  switch (result.status) {
    case FrameResult::Status::need_more:
      return "need " + std::to_string(result.needed);
    case FrameResult::Status::malformed:
    case FrameResult::Status::too_large:
      return to_text(result.error);
    case FrameResult::Status::frame:
    case FrameResult::Status::odd:
    case FrameResult::Status::wrong:
      break;  // the last two by look_again() only
  }
  if (result.frame.header.total() != bytes.size()) return "left over";
  return decode(result.frame, from, version, bounds);
}

/// A frame that must be one; an empty frame, which no decoder accepts, where it is not. The bytes
/// must outlive it.
inline Frame frame_of(std::string_view bytes, Side from, Version version) {
  const FrameResult result = next_frame(as_bytes(bytes), rules(from, version));
  return result.status == FrameResult::Status::frame ? result.frame : Frame{};
}

/// "\x01\x02" out of "01 02".
inline std::string hex(std::string_view digits) {
  std::string out;
  unsigned value = 0;
  int count = 0;
  for (const char c : digits) {
    if (c == ' ') continue;
    const auto digit = static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    value = value << 4 | digit;
    if (++count % 2 == 0) {
      out += static_cast<char>(value);
      value = 0;
    }
  }
  return out;
}

}  // namespace sallyport::mqtt::test
