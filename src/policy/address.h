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

/// "192.0.2.0/24", "2001:db8::/32", or one address.
[[nodiscard]] std::expected<AddressPrefix, Problem> parse_network(std::string_view text);

}  // namespace sallyport::policy
