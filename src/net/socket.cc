#include "net/socket.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <unistd.h>
#include <uv.h>

namespace sallyport::net {

std::optional<Address> Address::parse(const std::string& host, std::uint16_t port) {
  Address address;
  if (uv_ip4_addr(host.c_str(), port, &address.v4_) == 0) return address;
  address = Address();
  if (uv_ip6_addr(host.c_str(), port, &address.v6_) == 0) return address;
  return std::nullopt;
}

std::optional<Address> Address::from(const sockaddr* address) {
  Address result;
  if (address->sa_family == AF_INET) {
    std::memcpy(&result.v4_, address, sizeof(result.v4_));
  } else if (address->sa_family == AF_INET6) {
    std::memcpy(&result.v6_, address, sizeof(result.v6_));
  } else {
    return std::nullopt;
  }
  return result;
}

std::uint16_t Address::port() const { return ntohs(is_v6() ? v6_.sin6_port : v4_.sin_port); }

void Address::set_port(std::uint16_t port) {
  if (is_v6()) {
    v6_.sin6_port = htons(port);
  } else {
    v4_.sin_port = htons(port);
  }
}

bool Address::is_loopback() const {
  const IpAddress address = ip();
  if (address.is_v4()) return address.bytes[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6_.sin6_addr);
}

IpAddress Address::ip() const {
  if (is_v6()) return {std::to_array(v6_.sin6_addr.s6_addr)};
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &v4_.sin_addr, bytes.size());
  return IpAddress::from_v4(bytes);
}

void Socket::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

namespace {

std::expected<Socket, int> bound(const Address& address, const ListenOptions& options,
                                 bool reuse_port) {
  const auto failed = [] { return std::unexpected(uv_translate_sys_error(errno)); };
  Socket socket(
      ::socket(address.native()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return failed();
  const auto set = [&](int level, int name, int value) {
    return ::setsockopt(socket.fd(), level, name, &value, sizeof(value)) == 0;
  };
  // A restart must not wait for connections in TIME_WAIT; a socket that listens still conflicts.
  if (!set(SOL_SOCKET, SO_REUSEADDR, 1)) return failed();
  if (reuse_port && !set(SOL_SOCKET, SO_REUSEPORT, 1)) return failed();
  // Said outright, because the default is a setting of the system.
  if (address.is_v6() && !set(IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only ? 1 : 0)) return failed();
  if (::bind(socket.fd(), address.native(), address.size()) != 0) return failed();
  return socket;
}

}  // namespace

int probe_address(const Address& address, const ListenOptions& options) {
  const auto socket = bound(address, options, false);
  return socket ? 0 : socket.error();
}

std::expected<Socket, int> listen_on(const Address& address, const ListenOptions& options) {
  auto socket = bound(address, options, options.shared);
  if (socket && ::listen(socket->fd(), options.backlog) != 0) {
    return std::unexpected(uv_translate_sys_error(errno));
  }
  return socket;
}

std::optional<Address> local_address(const Socket& socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  if (::getsockname(socket.fd(), address, &size) != 0) return std::nullopt;
  return Address::from(address);
}

}  // namespace sallyport::net
