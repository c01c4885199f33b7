#include "sallyport/address.h"

#include <algorithm>

// For inet_ntop() and inet_pton() alone, which are functions of their arguments.
#include <arpa/inet.h>

namespace sallyport {

namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr unsigned kMappedBits = 96;
constexpr unsigned kAllBits = 128;
}  // namespace

IpAddress IpAddress::from_v4(const std::array<std::uint8_t, 4>& bytes) {
  IpAddress address;
  std::ranges::copy(kMappedPrefix, address.bytes.begin());
  std::ranges::copy(bytes, address.bytes.begin() + kMappedPrefix.size());
  return address;
}

bool IpAddress::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
}

std::string to_string(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = address.is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, address.bytes.data() + (v4 ? kMappedPrefix.size() : 0),
            text.data(), text.size());
  return text.data();
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::array<char, INET6_ADDRSTRLEN> copy{};  // inet_pton() wants a terminated string
  std::ranges::copy(text, copy.begin());
  if (text.find(':') != std::string_view::npos) {
    IpAddress address;
    if (inet_pton(AF_INET6, copy.data(), address.bytes.data()) != 1) return std::nullopt;
    return address;
  }
  std::array<std::uint8_t, 4> bytes{};
  if (inet_pton(AF_INET, copy.data(), bytes.data()) != 1) return std::nullopt;
  return IpAddress::from_v4(bytes);
}

AddressPrefix AddressPrefix::of(const IpAddress& address, unsigned bits) {
  const unsigned before = address.is_v4() ? kMappedBits : 0;
  return of_form(address, before + std::min(bits, kAllBits - before));
}

AddressPrefix AddressPrefix::of_form(const IpAddress& address, unsigned bits) {
  bits = std::min(bits, kAllBits);
  AddressPrefix prefix{address, static_cast<std::uint8_t>(bits)};
  for (unsigned i = 0; i < prefix.network.bytes.size(); ++i) {
    const unsigned keep = bits > i * 8 ? std::min(8U, bits - i * 8) : 0;
    std::uint8_t& byte = prefix.network.bytes[i];
    byte = static_cast<std::uint8_t>(byte & (0xFF00U >> keep));
  }
  return prefix;
}

bool AddressPrefix::contains(const IpAddress& address) const {
  if (network.is_v4() != address.is_v4()) return false;
  const unsigned whole = bits / 8;
  if (!std::equal(network.bytes.begin(), network.bytes.begin() + whole, address.bytes.begin())) {
    return false;
  }
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  return ((network.bytes[whole] ^ address.bytes[whole]) & (0xFF00U >> rest) & 0xFFU) == 0;
}

std::string to_string(const AddressPrefix& prefix) {
  const unsigned before = prefix.network.is_v4() ? kMappedBits : 0;
  return to_string(prefix.network) + '/' + std::to_string(prefix.bits - before);
}

AddressPrefix prefix_of(const IpAddress& address, const PrefixLengths& lengths) {
  return AddressPrefix::of(address, address.is_v4() ? lengths.v4 : lengths.v6);
}

}  // namespace sallyport
