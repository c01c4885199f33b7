#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sallyport/bytes.h"

namespace sallyport::mqtt {

[[nodiscard]] inline std::uint16_t load_u16(const std::uint8_t* from) {
  return static_cast<std::uint16_t>(from[0] << 8 | from[1]);
}
[[nodiscard]] inline std::uint32_t load_u32(const std::uint8_t* from) {
  return std::uint32_t{load_u16(from)} << 16 | load_u16(from + 2);
}

/// A cursor over bytes that somebody else owns. Every read checks that the bytes are there; one
/// that says false has taken nothing. Integers are big endian. 1.5 (5.0)
class Reader {
 public:
  explicit Reader(Bytes bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] bool u8(std::uint8_t& out) {
    if (at_ == end_) return false;
    out = *at_++;
    return true;
  }
  [[nodiscard]] bool u16(std::uint16_t& out) {
    if (left() < 2) return false;
    out = load_u16(at_);
    at_ += 2;
    return true;
  }
  [[nodiscard]] bool u32(std::uint32_t& out) {
    if (left() < 4) return false;
    out = load_u32(at_);
    at_ += 4;
    return true;
  }
  [[nodiscard]] bool bytes(std::size_t count, Bytes& out) {
    if (left() < count) return false;
    out = {at_, count};
    at_ += count;
    return true;
  }
  /// Two bytes of length, then as many bytes. 1.5.6 (5.0)
  [[nodiscard]] bool binary(Bytes& out) {
    if (left() < 2) return false;
    const std::size_t length = load_u16(at_);
    if (left() - 2 < length) return false;
    out = {at_ + 2, length};
    at_ += 2 + length;
    return true;
  }
  /// As binary(); whether it is UTF-8 is not looked at.
  [[nodiscard]] bool text(std::string_view& out) {
    Bytes raw;
    if (!binary(raw)) return false;
    out = as_text(raw);
    return true;
  }

  [[nodiscard]] const std::uint8_t* at() const { return at_; }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] Bytes rest() const { return {at_, left()}; }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace sallyport::mqtt
