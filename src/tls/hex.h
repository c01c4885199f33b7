#pragma once

#include <string>
#include <string_view>

#include "sallyport/bytes.h"

namespace sallyport::tls {

/// Lower case, without separators.
[[nodiscard]] inline std::string hex(Bytes bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

}  // namespace sallyport::tls
