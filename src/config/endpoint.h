#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "config/options.h"

namespace sallyport::config {

/// "host:port" or "[IPv6]:port", port 1 to 65535. The error is half a sentence that follows the
/// value. The origin of the result is empty.
[[nodiscard]] std::expected<Endpoint, std::string> parse_endpoint(std::string_view text);

/// An IPv4 address, or an IPv6 address with or without a zone ("fe80::1%eth0").
[[nodiscard]] bool is_numeric(const std::string& host);
/// A name that a resolver may be asked for: labels of letters, digits, '-' and '_'.
[[nodiscard]] bool is_host_name(std::string_view host);

/// Do both stand for the same address, however they are written?
[[nodiscard]] bool same_address(const Endpoint& a, const Endpoint& b);
/// Would a connection to `target` on this machine reach a listener on `listener`? True for the same
/// address, and for a loopback target where the listener takes all addresses.
[[nodiscard]] bool reaches(const Endpoint& target, const Endpoint& listener);

}  // namespace sallyport::config
