#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/address.h"

/// Addresses as an operator writes them, and as an identity has them.
namespace sallyport::policy {

struct Problem;

/// Numeric text; a zone (fe80::1%eth0) is left out of account.
[[nodiscard]] std::optional<IpAddress> parse_address(std::string_view text);

/// Which customer an address belongs to: itself, and of an IPv6 address the first 64 bits, which is
/// the least that one customer has. Numeric; a text that is no address stands for itself.
[[nodiscard]] std::string customer_of(std::string_view address);

/// "192.0.2.0/24", "2001:db8::/32", or one address.
[[nodiscard]] std::expected<AddressPrefix, Problem> parse_network(std::string_view text);

}  // namespace sallyport::policy
