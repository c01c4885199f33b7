#include "observe/http_listen.h"

#include <cerrno>
#include <cstring>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sallyport::observe {

namespace {

// Connections that wait for us, those that have not sent a byte among them.
constexpr int kBacklog = 1024;
// So long the kernel keeps a connection from us that sends nothing. It takes no place of a client
// then, and nobody who has connected and is about to ask can be put out by those who come after.
constexpr int kSilentSeconds = 1;

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : '[' + host + ']';
}

/// A socket, or -1 and errno.
int listen_on(const addrinfo& address) {
  const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &kSilentSeconds, sizeof kSilentSeconds);
  if (bind(fd, address.ai_addr, address.ai_addrlen) == 0 && listen(fd, kBacklog) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

HttpServer::Failure bind_failure(const std::string& name, int error) {
  switch (error) {
    case EADDRINUSE:
      return {"observe address " + name + " is in use",
              "stop what listens there, or choose another port"};
    case EADDRNOTAVAIL:
      return {"observe address " + name + " is not an address of this machine",
              "use 127.0.0.1, 0.0.0.0 for all, or an address that a network interface has"};
    case EACCES:
      return {"observe address " + name + ": no right to listen there",
              "choose a port of 1024 or above"};
    default:
      return {"observe address " + name + ": " + std::strerror(error),
              "choose an address and port that can be listened on"};
  }
}

}  // namespace

std::expected<int, HttpServer::Failure> listen_for_http(const std::string& host,
                                                        std::uint16_t port) {
  const std::string name = bracketed(host) + ':' + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (host.empty()) {
    return std::unexpected(HttpServer::Failure{"observe address " + name + " has no host",
                                               "write it as \"127.0.0.1:9464\""});
  }
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
      error != 0) {
    return std::unexpected(
        HttpServer::Failure{"observe address " + name + ": " + gai_strerror(error),
                            "write it as \"127.0.0.1:9464\" or \"[::1]:9464\""});
  }
  int listening = -1;
  int first_error = 0;
  for (const addrinfo* at = found; at != nullptr && listening < 0; at = at->ai_next) {
    listening = listen_on(*at);
    if (listening < 0 && first_error == 0) first_error = errno;
  }
  freeaddrinfo(found);
  if (listening < 0) return std::unexpected(bind_failure(name, first_error));
  return listening;
}

std::uint16_t bound_port(int socket) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  // The port stands at the same place for both families.
  sockaddr_in v4{};
  std::memcpy(&v4, &bound, sizeof v4);
  return ntohs(v4.sin_port);
}

bool is_local_peer(int socket) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return false;
  constexpr std::uint8_t kNet127 = 127;
  if (peer.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &peer, sizeof v4);
    return ntohl(v4.sin_addr.s_addr) >> 24 == kNet127;
  }
  if (peer.ss_family != AF_INET6) return false;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &peer, sizeof v6);
  const in6_addr& ip = v6.sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&ip) || (IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == kNet127);
}

}  // namespace sallyport::observe
