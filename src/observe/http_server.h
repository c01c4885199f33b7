#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

/// CivetWeb's server object; named here so that its header stays in one source file.
struct mg_context;
struct mg_connection;

namespace sallyport::observe {

struct HttpPage {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";  // static storage
  std::string body;
};

/// What an HttpServer shows. Called on the server's threads, several at once.
class HttpPages {
 public:
  virtual ~HttpPages() = default;
  /// Status 404: no such page.
  [[nodiscard]] virtual HttpPage page(std::string_view path) const = 0;
};

/// A small HTTP/1.1 server for a few read-only pages that are made on request. It is reachable by
/// whoever reaches the address, so it gives nothing away to make it work hard or wait: GET and HEAD
/// only, no request body, 4 KiB of headers, 3 s for a request, a connection for each request, four
/// threads and a short backlog, no files, no TLS (and so no second TLS library in the process).
class HttpServer final {
 public:
  struct Failure {
    std::string message;  // "observe address 127.0.0.1:9464 is in use"
    std::string hint;
  };

  /// Binds and serves. `pages` outlives the server.
  [[nodiscard]] static std::expected<std::unique_ptr<HttpServer>, Failure> start(
      const std::string& host, std::uint16_t port, const HttpPages& pages);
  /// Ends the connections that are open; takes up to three seconds where a client is in the middle
  /// of its request, no time otherwise.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  explicit HttpServer(const HttpPages& pages) : pages_(pages) {}
  static int on_request(mg_connection* connection);
  static int on_error(mg_connection* connection, int status, const char* text);

  const HttpPages& pages_;
  mg_context* server_ = nullptr;
  std::string address_;  // numeric
  std::uint16_t port_ = 0;
};

}  // namespace sallyport::observe
