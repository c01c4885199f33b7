#include "policy/address.h"

#include <array>
#include <charconv>

// For inet_pton() alone, which is a function of its arguments.
#include <arpa/inet.h>

#include "policy/pattern.h"
#include "policy/wording.h"

namespace sallyport::policy {

namespace {

constexpr unsigned kMappedBits = 96;

bool is_v6_text(std::string_view text) { return text.find(':') != std::string_view::npos; }

/// Without a zone.
std::optional<IpAddress> parse_plain(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string copy(text);  // inet_pton() wants a terminated string
  if (is_v6_text(text)) {
    IpAddress address;
    if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) != 1) return std::nullopt;
    return address;
  }
  std::array<std::uint8_t, 4> bytes{};
  if (inet_pton(AF_INET, copy.c_str(), bytes.data()) != 1) return std::nullopt;
  return IpAddress::from_v4(bytes);
}

Problem not_an_address(std::string_view text) {
  return {"address " + quoted(text) + " is not an IP address or network",
          "write 192.0.2.7, 192.0.2.0/24, 2001:db8::7 or 2001:db8::/32"};
}

}  // namespace

std::string customer_of(std::string_view address) {
  const auto parsed = parse_address(address);
  return parsed ? to_string(prefix_of(*parsed, {}).network) : std::string(address);
}

std::optional<IpAddress> parse_address(std::string_view text) {
  return parse_plain(text.substr(0, text.find('%')));
}

std::expected<AddressPrefix, Problem> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_plain(text.substr(0, slash));
  if (!address) return std::unexpected(not_an_address(text));
  if (slash == std::string_view::npos) return AddressPrefix{*address};

  // A mapped address (::ffff:192.0.2.0/120) counts its bits as it is written.
  const unsigned width = is_v6_text(text) ? 128 : 32;
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), bits);
  const bool padded = digits.size() > 1 && digits.front() == '0';
  if (digits.empty() || error != std::errc() || end != digits.end() || padded) {
    return std::unexpected(not_an_address(text));
  }
  if (bits > width) {
    return std::unexpected(Problem{"prefix length of " + quoted(text) + " is out of range",
                                   "0 to " + std::to_string(width)});
  }
  if (width == 32) bits += kMappedBits;
  const AddressPrefix network = AddressPrefix::of_form(*address, bits);
  if (network.network != *address) {
    // 10.1.2.3/8 may mean one address or sixteen millions: ask rather than guess.
    return std::unexpected(Problem{"address " + quoted(text) + " has bits set behind its prefix",
                                   "write " + to_string(network) + " for the network or " +
                                       to_string(*address) + " for the one address"});
  }
  return network;
}

}  // namespace sallyport::policy
