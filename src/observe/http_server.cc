#include "observe/http_server.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include <civetweb.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "observe/quiet_thread.h"

namespace sallyport::observe {

namespace {

std::string_view status_text(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

void send(mg_connection* connection, const HttpPage& page, bool with_body) {
  std::string out = "HTTP/1.1 " + std::to_string(page.status) + ' ';
  out += status_text(page.status);
  out += "\r\nContent-Type: ";
  out += page.content_type;
  out += "\r\nContent-Length: " + std::to_string(page.body.size());
  if (page.status == 405) out += "\r\nAllow: GET, HEAD";
  out +=
      "\r\nConnection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n";
  if (with_body) out += page.body;
  mg_write(connection, out.data(), out.size());
}

HttpPage plain(int status) {
  std::string body(status_text(status));
  body += '\n';
  return {.status = status, .body = std::move(body)};
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : '[' + host + ']';
}

/// Tries to bind, only to learn why it would fail: the server itself tells no errno.
int try_bind(const addrinfo& address) {
  const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return errno;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool ok = bind(fd, address.ai_addr, address.ai_addrlen) == 0 && listen(fd, 1) == 0;
  const int error = ok ? 0 : errno;
  close(fd);
  return error;
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

/// CivetWeb may be built without IPv6; Debian's is.
bool can_listen_on(const addrinfo& address) {
  return address.ai_family == AF_INET ||
         (address.ai_family == AF_INET6 && mg_check_feature(MG_FEATURES_IPV6) != 0);
}

/// The first address that `host` stands for and that can be listened on, in numeric form.
std::expected<std::string, HttpServer::Failure> usable_address(const std::string& host,
                                                               std::uint16_t port) {
  const std::string name = bracketed(host) + ':' + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
      error != 0)
    return std::unexpected(
        HttpServer::Failure{"observe address " + name + ": " + gai_strerror(error),
                            "write it as \"127.0.0.1:9464\" or \"[::1]:9464\""});
  int first_error = EADDRNOTAVAIL;
  bool tried = false;
  bool can_any = false;
  std::optional<std::string> usable;
  for (const addrinfo* at = found; at != nullptr && !usable; at = at->ai_next) {
    if (!can_listen_on(*at)) continue;
    can_any = true;
    const int error = try_bind(*at);
    if (error != 0) {
      if (!tried) first_error = error;
      tried = true;
      continue;
    }
    std::array<char, NI_MAXHOST> numeric{};
    if (getnameinfo(at->ai_addr, at->ai_addrlen, numeric.data(), numeric.size(), nullptr, 0,
                    NI_NUMERICHOST) == 0)
      usable = numeric.data();
  }
  freeaddrinfo(found);
  if (!can_any)
    return std::unexpected(HttpServer::Failure{
        "observe address " + name + " is of IPv6, and the HTTP library here was built without it",
        "use an IPv4 address, such as 127.0.0.1 or 0.0.0.0"});
  if (!usable) return std::unexpected(bind_failure(name, first_error));
  return *usable;
}

/// Opens a connection to the server itself and closes it.
void knock(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (fd >= 0) {
    // Whether it comes to be does not matter here: the next one may.
    static_cast<void>(connect(fd, found->ai_addr, found->ai_addrlen) == 0);
    pollfd wanted{.fd = fd, .events = POLLOUT, .revents = 0};
    poll(&wanted, 1, 20);
    close(fd);
  }
  freeaddrinfo(found);
}

}  // namespace

int HttpServer::on_request(mg_connection* connection) {
  const mg_request_info* request = mg_get_request_info(connection);
  const std::string_view method = request->request_method != nullptr ? request->request_method : "";
  const bool head = method == "HEAD";
  HttpPage page;
  if (!head && method != "GET") {
    page = plain(405);
  } else if (request->content_length > 0 ||
             mg_get_header(connection, "Transfer-Encoding") != nullptr) {
    page = plain(413);
  } else {
    const auto* server = static_cast<const HttpServer*>(request->user_data);
    page = server->pages_.page(request->local_uri != nullptr ? request->local_uri : "");
  }
  if (page.status == 404 && page.body.empty()) page = plain(404);
  send(connection, page, !head);
  // Anything but 0: the server does nothing more with this request, so none of what it could do
  // (files, authorization, CGI, upgrades) is ever reached.
  return page.status;
}

int HttpServer::on_error(mg_connection* connection, int status, const char*) {
  send(connection, plain(status), true);
  return 0;
}

std::expected<std::unique_ptr<HttpServer>, HttpServer::Failure> HttpServer::start(
    const std::string& host, std::uint16_t port, const HttpPages& pages) {
  const auto numeric = usable_address(host, port);
  if (!numeric) return std::unexpected(numeric.error());
  const std::string address = bracketed(*numeric) + ':' + std::to_string(port);

  std::unique_ptr<HttpServer> server(new HttpServer(pages));
  server->address_ = *numeric;
  mg_callbacks callbacks{};
  callbacks.begin_request = &HttpServer::on_request;
  callbacks.http_error = &HttpServer::on_error;
  // What a peer does wrong is its own business; it shall not be able to fill a log with it.
  callbacks.log_message = [](const mg_connection*, const char*) { return 1; };
  callbacks.log_access = [](const mg_connection*, const char*) { return 1; };
  const char* options[] = {"listening_ports",
                           address.c_str(),
                           "num_threads",
                           "4",
                           "connection_queue",
                           "16",
                           "listen_backlog",
                           "16",
                           "request_timeout_ms",
                           "3000",
                           "max_request_size",
                           "4096",
                           "enable_keep_alive",
                           "no",
                           "enable_directory_listing",
                           "no",
                           nullptr};

  // Without MG_FEATURES_TLS it never opens OpenSSL's libraries, which must not come into a process
  // that lives on BoringSSL: they share their symbols' names.
  mg_init_library(MG_FEATURES_DEFAULT);
  std::array<char, 256> text{};
  unsigned code = 0;
  mg_error_data error{&code, text.data(), text.size()};
  mg_init_data init{&callbacks, server.get(), options};
  {
    const QuietSignals quiet;
    server->server_ = mg_start2(&init, &error);
  }
  if (server->server_ == nullptr) {
    mg_exit_library();
    return std::unexpected(
        Failure{"observe address " + address + ": the HTTP server did not start: " + text.data(),
                "another process may have taken the address in this moment; try again"});
  }
  mg_server_port listening{};
  if (mg_get_server_ports(server->server_, 1, &listening) == 1)
    server->port_ = static_cast<std::uint16_t>(listening.port);
  return server;
}

HttpServer::~HttpServer() {
  if (server_ == nullptr) return;
  // The thread that accepts looks at the stop flag only every two seconds, or when somebody comes:
  // so somebody comes, until it has seen the flag.
  std::atomic<bool> stopped{false};
  auto knocking = quiet_thread([&stopped, this] {
    while (!stopped.load()) {
      knock(address_, port_);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  mg_stop(server_);
  stopped.store(true);
  if (knocking) knocking->join();
  mg_exit_library();
}

}  // namespace sallyport::observe
