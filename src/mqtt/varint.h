#pragma once

#include <cstddef>
#include <cstdint>

#include "sallyport/bytes.h"

namespace sallyport::mqtt {

/// A variable byte integer as it stands on the wire: Remaining Length, property lengths and the
/// subscription identifier. 2.2.3 (3.1.1), 1.5.5 (5.0)
struct VarInt {
  enum class Status : std::uint8_t {
    complete,
    incomplete,  // a valid beginning; more bytes would tell
    malformed,   // a fifth byte would be needed
  };
  Status status = Status::incomplete;
  std::uint8_t size = 0;  // bytes that it takes, where complete
  std::uint32_t value = 0;

  /// In as few bytes as possible? Only a last byte of 0 behind another one is superfluous.
  /// [MQTT-1.5.5-1]
  [[nodiscard]] bool minimal() const {
    return size < 2 || value >= std::uint32_t{1} << 7 * (size - 1);
  }
};

[[nodiscard]] inline VarInt read_varint(const std::uint8_t* from, std::size_t available) {
  if (available != 0 && from[0] < 0x80) return {VarInt::Status::complete, 1, from[0]};
  VarInt out;
  const std::size_t most = available < 4 ? available : 4;
  for (std::size_t i = 0; i < most; ++i) {
    out.value |= static_cast<std::uint32_t>(from[i] & 0x7F) << (7 * i);
    if (from[i] < 0x80) {
      out.size = static_cast<std::uint8_t>(i + 1);
      out.status = VarInt::Status::complete;
      return out;
    }
  }
  if (most == 4) out.status = VarInt::Status::malformed;
  return out;
}

/// Bytes that `value` takes: 1 to 4.
[[nodiscard]] constexpr std::size_t varint_size(std::uint32_t value) {
  return value < 1U << 7 ? 1 : value < 1U << 14 ? 2 : value < 1U << 21 ? 3 : 4;
}

/// `value` is at most kMaxRemainingLength.
inline void append_varint(std::uint32_t value, Buffer& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace sallyport::mqtt
