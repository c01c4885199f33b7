#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport {

/// An IP address as a number: the 16 bytes of the IPv6 form. An IPv4 address is mapped
/// (::ffff:0:0/96, RFC 4291, 2.5.5.2), whichever family of socket it arrived by, so that one client
/// has one address.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] static IpAddress from_v4(const std::array<std::uint8_t, 4>& bytes);
  [[nodiscard]] bool is_v4() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};
/// Numeric text without a zone ("192.0.2.1", "2001:db8::1").
[[nodiscard]] std::string to_string(const IpAddress& address);
/// Reads such a text; returns none if it is no other.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);

/// The addresses that share their first bits with `network`.
struct AddressPrefix {
  IpAddress network;
  std::uint8_t bits = 128;  // of the IPv6 form: an IPv4 /24 has 120

  /// `bits` counts in the family of `address`: 0 to 32 for IPv4, 0 to 128 for IPv6; more is cut.
  [[nodiscard]] static AddressPrefix of(const IpAddress& address, unsigned bits);
  /// `bits` counts in the IPv6 form, 0 to 128; more is cut.
  [[nodiscard]] static AddressPrefix of_form(const IpAddress& address, unsigned bits);
  /// Addresses of the other family are never inside: ::/0 is every IPv6 address and no IPv4 one.
  [[nodiscard]] bool contains(const IpAddress& address) const;
  friend bool operator==(const AddressPrefix&, const AddressPrefix&) = default;
};

/// As it is written: "192.0.2.0/24", "2001:db8::/32".
[[nodiscard]] std::string to_string(const AddressPrefix& prefix);

/// How many bits of an address name one customer. A customer has at least an IPv6 /64 (RFC 6177).
struct PrefixLengths {
  std::uint8_t v4 = 32;
  std::uint8_t v6 = 64;
  friend bool operator==(const PrefixLengths&, const PrefixLengths&) = default;
};
/// The prefix by which an address is counted, wherever addresses are counted.
[[nodiscard]] AddressPrefix prefix_of(const IpAddress& address, const PrefixLengths& lengths);

}  // namespace sallyport
