#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

#include "sallyport/address.h"

namespace sallyport::net {

/// An IPv4 or IPv6 address with a port.
class Address final {
 public:
  Address() = default;
  /// From a numeric host ("127.0.0.1", "::1", "fe80::1%eth0"); none where it is a name.
  [[nodiscard]] static std::optional<Address> parse(const std::string& host, std::uint16_t port);
  /// From what accept() or getaddrinfo() gave; none where the family is neither.
  [[nodiscard]] static std::optional<Address> from(const sockaddr* address);

  [[nodiscard]] std::uint16_t port() const;
  void set_port(std::uint16_t port);
  [[nodiscard]] bool is_v6() const { return any_.sa_family == AF_INET6; }
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] IpAddress ip() const;
  /// Numeric, without port and zone.
  [[nodiscard]] std::string host() const { return to_string(ip()); }

  [[nodiscard]] const sockaddr* native() const { return &any_; }
  [[nodiscard]] socklen_t size() const { return is_v6() ? sizeof(v6_) : sizeof(v4_); }

 private:
  union {
    sockaddr any_;
    sockaddr_in v4_;
    sockaddr_in6 v6_{};
  };
};

/// Owns one file descriptor.
class Socket final {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { reset(); }
  Socket(Socket&& other) noexcept : fd_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }

  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

struct ListenOptions {
  /// Several sockets of this process listen on the address and the kernel spreads the connections.
  bool shared = false;
  /// An IPv6 wildcard takes IPv4 too, unless somebody else listens there.
  bool v6_only = false;
  int backlog = 1024;
};

/// Is the address free? Asked once, without SO_REUSEPORT, before the shared sockets are made: with
/// it the kernel would let two processes of one user share the port in silence. 0, or a libuv
/// error code (UV_EADDRINUSE, UV_EACCES, UV_EADDRNOTAVAIL).
[[nodiscard]] int probe_address(const Address& address, const ListenOptions& options);

/// A non-blocking socket that listens, or a libuv error code.
[[nodiscard]] std::expected<Socket, int> listen_on(const Address& address,
                                                   const ListenOptions& options);

/// The address that a socket is bound to (port 0 was resolved by the kernel).
[[nodiscard]] std::optional<Address> local_address(const Socket& socket);

}  // namespace sallyport::net
