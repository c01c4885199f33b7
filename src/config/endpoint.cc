#include "config/endpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace sallyport::config {

namespace {

/// An address in network order; 4 or 16 bytes and a zone.
struct Address {
  std::size_t size = 0;
  std::array<std::uint8_t, 16> bytes{};
  std::string zone;
  bool operator==(const Address&) const = default;
};

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::optional<Address> parse_address(const std::string& host) {
  Address address;
  if (inet_pton(AF_INET, host.c_str(), address.bytes.data()) == 1) {
    address.size = 4;
    return address;
  }
  const std::size_t percent = host.find('%');
  if (percent != std::string::npos) {
    address.zone = host.substr(percent + 1);
    const bool sane = std::all_of(address.zone.begin(), address.zone.end(), [](char c) {
      return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
    });
    if (address.zone.empty() || !sane) return std::nullopt;
  }
  if (inet_pton(AF_INET6, host.substr(0, percent).c_str(), address.bytes.data()) == 1) {
    address.size = 16;
    return address;
  }
  return std::nullopt;
}

bool is_wildcard(const Address& address) {
  return std::all_of(address.bytes.begin(), address.bytes.end(), [](auto b) { return b == 0; });
}

bool is_loopback(const Address& address) {
  if (address.size == 4) return address.bytes[0] == 127;
  return std::all_of(address.bytes.begin(), address.bytes.end() - 1,
                     [](auto b) { return b == 0; }) &&
         address.bytes[15] == 1;
}

std::expected<std::uint16_t, std::string> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool all = end == text.data() + text.size();
  if (text.empty()) return std::unexpected("has no port");
  if (error == std::errc::result_out_of_range || (error == std::errc() && all && port == 0)) {
    return std::unexpected("has a port out of range; ports are 1 to 65535");
  }
  if (error != std::errc() || !all) return std::unexpected("has a port that is not a number");
  return port;
}

}  // namespace

bool is_numeric(const std::string& host) { return parse_address(host).has_value(); }

bool is_host_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > 253) return false;
  // Digits and dots only is an IPv4 address gone wrong, never a name.
  if (host.find_first_not_of("0123456789.") == std::string_view::npos) return false;
  while (true) {
    const std::string_view label = host.substr(0, host.find('.'));
    const bool sane = std::all_of(label.begin(), label.end(), [](char c) {
      return is_alphanumeric(c) || c == '-' || c == '_';
    });
    if (label.empty() || label.size() > 63 || !sane) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    if (label.size() == host.size()) return true;
    host.remove_prefix(label.size() + 1);
  }
}

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text) {
  if (text.find("://") != text.npos) {
    return std::unexpected(
        "is a URL; write host and port alone, and say with a tls table of the "
        "same section whether TLS is spoken");
  }
  if (text.find('$') != text.npos) {
    return std::unexpected(
        "holds a variable; nothing is put in its place here, so write the address itself");
  }
  if (text.find_first_of(" \t") != text.npos) return std::unexpected("holds a blank; delete it");
  if (text.find('/') != text.npos) {
    return std::unexpected("holds a path; write host and port alone");
  }
  if (text.find('@') != text.npos) {
    return std::unexpected("holds a user; write host and port alone");
  }
  Endpoint endpoint;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::unexpected("has '[' without ']'");
    endpoint.host = text.substr(1, close - 1);
    if (endpoint.host.find(':') == std::string::npos || !is_numeric(endpoint.host)) {
      return std::unexpected("does not hold an IPv6 address between '[' and ']'");
    }
    port = text.substr(close + 1);
    if (!port.starts_with(':')) return std::unexpected("has no port");
    port.remove_prefix(1);
  } else {
    const std::size_t colon = text.rfind(':');
    endpoint.host = text.substr(0, colon);
    if (endpoint.host.find(':') != std::string::npos) {
      return std::unexpected("holds an IPv6 address without brackets; write [address]:port");
    }
    if (colon == std::string_view::npos) return std::unexpected("has no port");
    if (endpoint.host.empty()) return std::unexpected("has no host before the port");
    if (!is_numeric(endpoint.host) && !is_host_name(endpoint.host)) {
      return std::unexpected("is neither an address nor a host name");
    }
    port = text.substr(colon + 1);
  }
  const auto number = parse_port(port);
  if (!number) return std::unexpected(number.error());
  endpoint.port = *number;
  return endpoint;
}

bool same_address(const Endpoint& a, const Endpoint& b) {
  if (a.port != b.port) return false;
  const auto x = parse_address(a.host);
  const auto y = parse_address(b.host);
  return x && y ? *x == *y : a.host == b.host;
}

bool reaches(const Endpoint& target, const Endpoint& listener) {
  if (target.port != listener.port) return false;
  if (same_address(target, listener)) return true;
  const auto to = parse_address(target.host);
  const auto at = parse_address(listener.host);
  if (!at) return false;
  const bool local = to ? is_loopback(*to) : target.host == "localhost";
  return local && (is_wildcard(*at) || (!to && is_loopback(*at)));
}

std::string Endpoint::to_string() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace sallyport::config
