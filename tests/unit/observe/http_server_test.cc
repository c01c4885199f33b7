#include "observe/http_server.h"

#include <atomic>
#include <filesystem>
#include <vector>

#include <doctest/doctest.h>

#include "http_client.h"
#include "support.h"

namespace sallyport::observe {

namespace {

using testing::body_of;
using testing::converse;
using testing::get;
using testing::status_of;

class OnePage final : public HttpPages {
 public:
  [[nodiscard]] HttpPage page(std::string_view path, bool is_trusted) const override {
    if (path == "/who") return {.body = is_trusted ? "you\n" : "nobody\n"};
    if (path == "/page") return {.body = "hello\n"};
    if (path == "/bad") return {.status = 503, .body = "not now\n"};
    if (path == "/costly") {
      ++made;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return {.body = std::string(size, 'x')};
    }
    return {.status = 404, .body = {}};
  }
  [[nodiscard]] bool is_costly(std::string_view path) const override { return path == "/costly"; }
  [[nodiscard]] bool trusts(const HttpVisitor& visitor) const override {
    return visitor.token == "secret" && visitor.is_local && visitor.host == "localhost";
  }

  mutable std::atomic<int> made{0};
  std::size_t size = 10;
};

struct Running {
  OnePage pages;
  std::unique_ptr<HttpServer> server;
  explicit Running(const settings::Http& settings = {}) {
    auto started = HttpServer::start("127.0.0.1", 0, pages, settings);
    REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
    server = std::move(*started);
    REQUIRE(server->port() != 0);
  }
  [[nodiscard]] std::uint16_t port() const { return server->port(); }
};

/// OpenSSL's libraries among what this process has loaded; BoringSSL's are in .../android/.
std::vector<std::string> openssl_libraries() {
  std::vector<std::string> found;
  for (const std::string& line : testing::lines_of(testing::read_all("/proc/self/maps"))) {
    const bool is_tls = line.find("libssl") != std::string::npos ||
                        line.find("libcrypto") != std::string::npos ||
                        line.find("libgnutls") != std::string::npos;
    if (is_tls && line.find("/android/") == std::string::npos) found.push_back(line);
  }
  return found;
}

}  // namespace

TEST_CASE("a page, and each answer closes the connection") {
  const Running running;
  const std::string answer = get(running.port(), "/page");
  CHECK(status_of(answer) == 200);
  CHECK(body_of(answer) == "hello\n");
  CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(answer.find("\r\nContent-Length: 6\r\n") != std::string::npos);
  CHECK(answer.find("Server:") == std::string::npos);
  // Even when the client would rather keep it, or has sent the next request already.
  const std::string twice =
      converse(running.port(),
               "GET /page HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
               "GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(status_of(twice) == 200);
  CHECK(twice.find("HTTP/1.1", 1) == std::string::npos);
}

TEST_CASE("HEAD has the same head and no body") {
  const Running running;
  const std::string answer = converse(running.port(), "HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(status_of(answer) == 200);
  CHECK(answer.find("\r\nContent-Length: 6\r\n") != std::string::npos);
  CHECK(body_of(answer).empty());
}

TEST_CASE("a page's own status is kept, a query does not matter") {
  const Running running;
  CHECK(status_of(get(running.port(), "/bad")) == 503);
  CHECK(body_of(get(running.port(), "/bad")) == "not now\n");
  CHECK(status_of(get(running.port(), "/page?x=1")) == 200);
}

TEST_CASE("there is nothing else: no files, no folders, no way out") {
  const Running running;
  for (const std::string path :
       {"/", "/page/", "/page/../../etc/passwd", "/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "//", "/.", "/page.cgi", "/PAGE", "/page;x"}) {
    const std::string answer = get(running.port(), path);
    INFO(path);
    CHECK((status_of(answer) == 404 || status_of(answer) == 400));
    CHECK(answer.find("root:") == std::string::npos);
  }
}

TEST_CASE("only GET and HEAD, and no body") {
  const Running running;
  for (const std::string method :
       {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "CONNECT"}) {
    INFO(method);
    const std::string answer =
        converse(running.port(), method + " /page HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(status_of(answer) == 405);
    CHECK(answer.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
    CHECK(answer.find("hello") == std::string::npos);
  }
  CHECK(status_of(converse(running.port(), "TRACE /page HTTP/1.1\r\nHost: a\r\n\r\n")) >= 400);
  CHECK(status_of(converse(running.port(), "GET /page HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")) ==
        413);
  CHECK(status_of(converse(running.port(),
                           "GET /page HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "3\r\nabc\r\n0\r\n\r\n")) == 413);
  CHECK(status_of(converse(running.port(), "GET /page HTTP/1.1\r\nContent-Length: -1\r\n\r\n")) >=
        400);
}

TEST_CASE("an upgrade is just a request") {
  const Running running;
  const std::string answer =
      converse(running.port(),
               "GET /page HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
  CHECK(status_of(answer) == 200);
}

TEST_CASE("what is not HTTP is refused, and the next one is served") {
  const Running running;
  const std::string huge(100'000, 'a');
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03\r\n\r\n", 15),
        std::string("GET /pa\0ge HTTP/1.1\r\n\r\n", 24), std::string("GET /page\r\n\r\n"),
        std::string("\r\n\r\n\r\n\r\n"), std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        std::string("GET /page HTTP/9.9\r\n\r\n"), "GET /" + huge + " HTTP/1.1\r\n\r\n",
        "GET /page HTTP/1.1\r\nX: " + huge + "\r\n\r\n", huge}) {
    const std::string answer = converse(running.port(), bytes);
    INFO(answer.substr(0, 80));
    CHECK((answer.empty() || status_of(answer) >= 400));
    CHECK(answer.find("hello") == std::string::npos);
    CHECK(answer.find("aaaa") == std::string::npos);  // nothing is reflected
  }
  CHECK(status_of(get(running.port(), "/page")) == 200);
}

TEST_CASE("who says nothing, or drips, is put out") {
  const Running running;
  std::vector<std::unique_ptr<testing::HttpClient>> silent;
  for (int i = 0; i < 6; ++i)
    silent.push_back(std::make_unique<testing::HttpClient>(running.port()));
  CHECK(status_of(get(running.port(), "/page")) == 200);
  for (const auto& client : silent) CHECK(client->read_to_end().empty());

  // One byte at a time does not buy more time. The headers would take minutes.
  const testing::HttpClient drip(running.port());
  bool open = drip.send("GET /page HTTP/1.1\r\nX: ");
  for (int i = 0; i < 600 && open; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    open = drip.send("a");
  }
  CHECK_FALSE(open);
}

TEST_CASE("one more client takes the place of one that keeps the server waiting") {
  const Running running({.max_clients = 4, .timeout = std::chrono::hours(1)});
  std::vector<std::unique_ptr<testing::HttpClient>> half;
  for (int i = 0; i < 40; ++i) {
    half.push_back(std::make_unique<testing::HttpClient>(running.port()));
    half.back()->send("GET /page HTTP/1.1\r\nX: ");
    CHECK(status_of(get(running.port(), "/page")) == 200);
  }
  // The oldest were put out, the newest are still there.
  CHECK(half.front()->read_to_end().empty());
  half.back()->send("y\r\n\r\n");
  CHECK(status_of(half.back()->read_to_end()) == 200);
}

TEST_CASE("who is about to ask is not put out by those who come after it") {
  const Running running({.max_clients = 4, .timeout = std::chrono::hours(1)});
  bool was_answered = false;
  // A silent client has no place of its own for a second, which a slow machine may exceed.
  for (int attempt = 0; attempt < 5 && !was_answered; ++attempt) {
    const testing::HttpClient early(running.port());
    std::vector<std::unique_ptr<testing::HttpClient>> later;
    for (int i = 0; i < 20; ++i) {
      later.push_back(std::make_unique<testing::HttpClient>(running.port()));
      later.back()->send("GET /page HTTP/1.1\r\nX: ");
    }
    CHECK(status_of(get(running.port(), "/page")) == 200);
    early.send("GET /page HTTP/1.1\r\n\r\n");
    was_answered = status_of(early.read_to_end()) == 200;
  }
  CHECK(was_answered);
}

TEST_CASE("who does not take its answer gives way, too") {
  Running running({.max_clients = 2, .timeout = std::chrono::hours(1)});
  running.pages.size = 64UL * 1024 * 1024;  // more than any socket's buffers
  std::vector<std::unique_ptr<testing::HttpClient>> deaf;
  for (int i = 0; i < 3; ++i) {
    deaf.push_back(std::make_unique<testing::HttpClient>(running.port()));
    deaf.back()->send("GET /costly HTTP/1.1\r\n\r\n");
    while (running.pages.made.load() <= i) std::this_thread::yield();
  }
  CHECK(status_of(get(running.port(), "/page")) == 200);
}

TEST_CASE("costly pages are made once for all that wait, and probes do not wait for them in turn") {
  const Running running({.max_clients = 32});
  std::vector<std::unique_ptr<testing::HttpClient>> scrapers;
  for (int i = 0; i < 100; ++i) {
    scrapers.push_back(std::make_unique<testing::HttpClient>(running.port()));
    scrapers.back()->send("GET /costly HTTP/1.1\r\n\r\n");
  }
  CHECK(status_of(get(running.port(), "/page")) == 200);
  for (const auto& scraper : scrapers)
    CHECK(status_of(scraper->read_to_end()) == 200);  // all of them
  CHECK(running.pages.made.load() < 100);
}

TEST_CASE("the deadline is for the request as a whole") {
  const Running running({.timeout = std::chrono::milliseconds(200)});
  const testing::HttpClient silent(running.port());
  CHECK(silent.read_to_end().empty());
}

TEST_CASE("the end does not wait for a client") {
  auto running = std::make_unique<Running>(settings::Http{.timeout = std::chrono::hours(1)});
  const testing::HttpClient half(running->port());
  half.send("GET /pa");
  CHECK(status_of(get(running->port(), "/page")) == 200);
  running.reset();
  CHECK(half.read_to_end().empty());
}

TEST_CASE("an answer is not lost behind what the client sends too much") {
  const Running running;
  const std::string answer =
      converse(running.port(), "POST /page HTTP/1.1\r\n\r\n" + std::string(100'000, 'b'));
  CHECK(status_of(answer) == 405);
}

TEST_CASE("requests in the forms that HTTP/1.1 has") {
  const Running running;
  for (const std::string head :
       {"GET /page HTTP/1.0\r\n\r\n", "GET http://example/page HTTP/1.1\r\nHost: example\r\n\r\n",
        "GET HTTP://example:1/page?x HTTP/1.1\r\n\r\n",
        "GET /page HTTP/1.1\r\ncontent-LENGTH: \t0 \r\n\r\n"}) {
    INFO(head);
    CHECK(status_of(converse(running.port(), head)) == 200);
  }
  for (const std::string head :
       {"GET page HTTP/1.1\r\n\r\n", "GET https://example/page HTTP/1.1\r\n\r\n",
        "GET  /page HTTP/1.1\r\n\r\n", "GET /page HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /page HTTP/1.1\r\n folded: x\r\n\r\n", "GET /page HTTP/1.1\r\nA : x\r\n\r\n",
        "GET /page HTTP/1.1\r\nContent-Length:\r\n\r\n", " GET /page HTTP/1.1\r\n\r\n"}) {
    INFO(head);
    CHECK(status_of(converse(running.port(), head)) == 400);
  }
}

TEST_CASE("a flood of connections does not become threads") {
  const Running running;
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator{});
  };
  const auto before = threads();
  std::vector<std::unique_ptr<testing::HttpClient>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<testing::HttpClient>(running.port()));
    clients.back()->send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  CHECK(threads() == before);
  for (const auto& client : clients) CHECK(status_of(client->read_to_end()) == 200);
}

TEST_CASE("an address that cannot be used is an error that helps") {
  const OnePage pages;
  const Running running;
  const auto failure = [&](const std::string& host, std::uint16_t port) {
    const auto server = HttpServer::start(host, port, pages);
    REQUIRE_FALSE(server);
    CHECK_FALSE(server.error().hint.empty());
    return server.error().message;
  };
  const std::string port = std::to_string(running.port());
  CHECK(failure("127.0.0.1", running.port()) == "observe address 127.0.0.1:" + port + " is in use");
  CHECK(failure("0.0.0.0", running.port()) == "observe address 0.0.0.0:" + port + " is in use");
  // TEST-NET-1, which no machine has. RFC 5737
  CHECK(failure("192.0.2.1", 9464) ==
        "observe address 192.0.2.1:9464 is not an address of this machine");
  CHECK(failure("not an address", 9464).find("observe address not an address:9464: ") == 0);
  CHECK(failure("", 9464).find("observe address") == 0);
}

TEST_CASE("the address is free again right after the end, and a name is as good as a number") {
  const OnePage pages;
  std::uint16_t port = 0;
  {
    const Running running;
    port = running.port();
    CHECK(status_of(get(port, "/page")) == 200);
  }
  CHECK(get(port, "/page") == "(refused)");
  const auto again = HttpServer::start("localhost", port, pages);
  REQUIRE_MESSAGE(again, (again ? "" : again.error().message));
  CHECK((*again)->port() == port);
  CHECK(status_of(get(port, "/page")) == 200);
}

TEST_CASE("no second TLS library comes into the process") {
  const Running running;
  CHECK(status_of(get(running.port(), "/page")) == 200);
  CHECK(openssl_libraries() == std::vector<std::string>{});
}

}  // namespace sallyport::observe
