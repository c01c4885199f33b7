#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sallyport/address.h"

/// PROXY headers, written as "The PROXY protocol" (HAProxy, 2020/03/05) has them.
namespace wire {

/// Version 1. `address` counts, the other values are anything.
[[nodiscard]] inline std::string proxy_v1(const sallyport::IpAddress& address) {
  const bool v4 = address.is_v4();
  return std::string("PROXY ") + (v4 ? "TCP4 " : "TCP6 ") + to_string(address) +
         (v4 ? " 198.51.100.1" : " 2001:db8::2") + " 40000 8883\r\n";
}

/// Version 2 with any command, family and body.
[[nodiscard]] inline std::string proxy_v2(std::uint8_t version_and_command, std::uint8_t family,
                                          std::string_view body) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += static_cast<char>(version_and_command);
  header += static_cast<char>(family);
  header += static_cast<char>(body.size() >> 8);
  header += static_cast<char>(body.size() & 0xFF);
  header += body;
  return header;
}

/// Version 2, PROXY, with `tlvs` behind the addresses.
[[nodiscard]] inline std::string proxy_v2(const sallyport::IpAddress& address,
                                          std::string_view tlvs = {}) {
  std::string body;
  const std::size_t skip = address.is_v4() ? 12 : 0;
  for (std::size_t i = skip; i != 16; ++i) body += static_cast<char>(address.bytes[i]);
  body += std::string(16 - skip, '\x01');  // the other end's
  body += std::string("\x9c\x40\x22\xb3", 4);
  body += tlvs;
  return proxy_v2(0x21, address.is_v4() ? 0x11 : 0x21, body);
}

}  // namespace wire
