#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "sallyport/settings.h"

namespace sallyport::observe {

struct HttpPage {
  int status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";  // static storage
  std::string body;
  std::string_view security_policy = {};  // Content-Security-Policy; static storage
};

/// Whoever asks for a page.
struct HttpVisitor {
  bool is_local = false;        // the connection comes from this machine
  std::string_view host = {};   // under which name it has found us; empty: it did not say
  std::string_view token = {};  // that it brought; empty: none
};

/// What an HttpServer shows. Called on the server's thread.
class HttpPages {
 public:
  virtual ~HttpPages() = default;
  /// Status 404: no such page.
  [[nodiscard]] virtual HttpPage page(std::string_view path, bool is_trusted) const = 0;
  /// May this visitor see who clients are?
  [[nodiscard]] virtual bool trusts(const HttpVisitor& visitor) const = 0;
  /// Such pages are made one at a time, behind all others that somebody waits for.
  [[nodiscard]] virtual bool is_costly(std::string_view path) const = 0;
};

/// A small HTTP/1.1 server for a few read-only pages that are made on request. It is reachable by
/// whoever reaches the address, so nobody can make it work hard, or make another one wait: GET and
/// HEAD only, no request body, 4 KiB of headers, a deadline for the request and one for taking the
/// answer, a connection for each request. Where as many clients are there as may be, one more takes
/// the place of the one that has waited longest for something other than us; so a probe is answered
/// whatever others do. One thread of its own, which no worker and no reload holds up.
///
/// No files, no TLS (and so no second TLS library in the process).
class HttpServer final {
 public:
  struct Failure {
    std::string message;  // "observe address 127.0.0.1:9464 is in use"
    std::string hint;
  };

  /// Binds and serves. `pages` outlives the server.
  [[nodiscard]] static std::expected<std::unique_ptr<HttpServer>, Failure> start(
      const std::string& host, std::uint16_t port, const HttpPages& pages,
      const settings::Http& settings = {});
  /// Ends the connections that are open, at once.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::observe
