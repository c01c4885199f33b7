#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/// A client that can be as rude as a test needs it to be.
namespace sallyport::observe::testing {

class HttpClient final {
 public:
  explicit HttpClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~HttpClient() { close(fd_); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  /// False: the server has closed.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// All until the server closes; "(still open)" at the end where it does not within 30 s.
  [[nodiscard]] std::string read_to_end() const {
    std::string all;
    char part[4096];
    while (true) {
      pollfd wanted{.fd = fd_, .events = POLLIN, .revents = 0};
      if (poll(&wanted, 1, 30'000) != 1) return all + "(still open)";
      const ssize_t n = recv(fd_, part, sizeof part, 0);
      if (n <= 0) return all;
      all.append(part, static_cast<std::size_t>(n));
    }
  }

 private:
  int fd_;
  bool connected_ = false;
};

/// Sends these bytes and answers what came back.
inline std::string converse(std::uint16_t port, std::string_view bytes) {
  const HttpClient client(port);
  if (!client.connected()) return "(refused)";
  client.send(bytes);
  return client.read_to_end();
}

inline std::string get(std::uint16_t port, const std::string& path) {
  return converse(port, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

/// 0: no status line.
inline int status_of(std::string_view answer) {
  if (answer.substr(0, 9) != "HTTP/1.1 " || answer.size() < 12) return 0;
  return std::stoi(std::string(answer.substr(9, 3)));
}
inline std::string body_of(const std::string& answer) {
  const auto at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "" : answer.substr(at + 4);
}

}  // namespace sallyport::observe::testing
