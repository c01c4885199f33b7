#include "policy/address.h"

#include <algorithm>
#include <charconv>

// For inet_pton() and inet_ntop() alone, which are functions of their arguments.
#include <arpa/inet.h>

#include "policy/pattern.h"
#include "policy/wording.h"

namespace sallyport::policy {

namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr unsigned kMappedBits = 96;

unsigned width(const IpAddress& address) { return address.v6 ? 128 : 32; }

/// As written, without looking behind a mapped address.
std::optional<IpAddress> parse_plain(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string copy(text);  // inet_pton() wants a terminated string
  IpAddress address;
  address.v6 = text.find(':') != std::string_view::npos;
  if (inet_pton(address.v6 ? AF_INET6 : AF_INET, copy.c_str(), address.bytes.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

bool is_mapped(const IpAddress& address) {
  return address.v6 &&
         std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
}

IpAddress unmapped(const IpAddress& mapped) {
  IpAddress address;
  std::copy_n(mapped.bytes.begin() + kMappedPrefix.size(), 4, address.bytes.begin());
  return address;
}

/// The address with all but its first `bits` bits cleared.
IpAddress network(const IpAddress& address, unsigned bits) {
  IpAddress out = address;
  for (unsigned i = 0; i < out.bytes.size(); ++i) {
    const unsigned keep = bits > i * 8 ? std::min(8U, bits - i * 8) : 0;
    out.bytes[i] = static_cast<std::uint8_t>(out.bytes[i] & (0xFF00U >> keep));
  }
  return out;
}

std::string to_text(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text.data(), text.size());
  return text.data();
}

Problem not_an_address(std::string_view text) {
  return {"address " + quoted(text) + " is not an IP address or network",
          "write 192.0.2.7, 192.0.2.0/24, 2001:db8::7 or 2001:db8::/32"};
}

}  // namespace

std::string customer_of(std::string_view address) {
  constexpr unsigned kCustomerBits = 64;
  const auto parsed = parse_address(address);
  if (!parsed) return std::string(address);
  return to_text(parsed->v6 ? network(*parsed, kCustomerBits) : *parsed);
}

std::optional<IpAddress> parse_address(std::string_view text) {
  const auto address = parse_plain(text.substr(0, text.find('%')));
  if (address && is_mapped(*address)) return unmapped(*address);
  return address;
}

bool Cidr::contains(const IpAddress& other) const {
  if (address.v6 != other.v6) return false;
  const unsigned whole = bits / 8;
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + whole, other.bytes.begin())) {
    return false;
  }
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  return ((address.bytes[whole] ^ other.bytes[whole]) & (0xFF00U >> rest) & 0xFFU) == 0;
}

std::expected<Cidr, Problem> parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_plain(text.substr(0, slash));
  if (!address) return std::unexpected(not_an_address(text));
  Cidr cidr{*address, width(*address)};
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), bits);
    const bool padded = digits.size() > 1 && digits.front() == '0';
    if (digits.empty() || error != std::errc() || end != digits.end() || padded) {
      return std::unexpected(not_an_address(text));
    }
    if (bits > width(*address)) {
      return std::unexpected(Problem{"prefix length of " + quoted(text) + " is out of range",
                                     "0 to " + std::to_string(width(*address))});
    }
    cidr.bits = bits;
    const IpAddress base = network(*address, bits);
    if (base.bytes != address->bytes) {
      // 10.1.2.3/8 may mean one address or sixteen millions: ask rather than guess.
      return std::unexpected(Problem{"address " + quoted(text) + " has bits set behind its prefix",
                                     "write " + to_text(base) + "/" + std::to_string(bits) +
                                         " for the network or " + to_text(*address) +
                                         " for the one address"});
    }
  }
  if (is_mapped(cidr.address) && cidr.bits >= kMappedBits) {
    cidr = Cidr{unmapped(cidr.address), cidr.bits - kMappedBits};
  }
  return cidr;
}

}  // namespace sallyport::policy
