#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::policy {

struct Problem;

/// An IP address as a number. An IPv4-mapped IPv6 address (::ffff:192.0.2.1), which is what a
/// socket for both families reports, is the IPv4 address that it stands for.
struct IpAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // IPv4: the first four
};
/// Numeric text; a zone (fe80::1%eth0) is left out of account.
[[nodiscard]] std::optional<IpAddress> parse_address(std::string_view text);

/// Which customer an address belongs to: itself, and of an IPv6 address the first 64 bits, which is
/// the least that one customer has. Numeric; a text that is no address stands for itself.
[[nodiscard]] std::string customer_of(std::string_view address);

/// The addresses that share the first `bits` bits with `address`.
struct Cidr {
  IpAddress address;
  unsigned bits = 0;
  /// Addresses of the other family are never inside: ::/0 is every IPv6 address and no IPv4 one.
  [[nodiscard]] bool contains(const IpAddress& other) const;
};
/// "192.0.2.0/24", "2001:db8::/32", or one address.
[[nodiscard]] std::expected<Cidr, Problem> parse_cidr(std::string_view text);

}  // namespace sallyport::policy
