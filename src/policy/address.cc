#include "policy/address.h"

#include <charconv>

#include "policy/pattern.h"
#include "policy/wording.h"

namespace sallyport::policy {

namespace {

constexpr unsigned kMappedBits = 96;

bool is_v6_text(std::string_view text) { return text.find(':') != std::string_view::npos; }

Problem not_an_address(std::string_view text) {
  return {"address " + quoted(text) + " is not an IP address or network",
          "write 192.0.2.7, 192.0.2.0/24, 2001:db8::7 or 2001:db8::/32"};
}

}  // namespace

std::optional<IpAddress> parse_address(std::string_view text) {
  return parse_ip(text.substr(0, text.find('%')));
}

std::expected<AddressPrefix, Problem> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
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
