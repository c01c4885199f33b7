#include "admin/socket.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../net/loopback.h"

using namespace sallyport;
using namespace sallyport::admin;

namespace {

struct Folder {
  Folder() {
    std::string pattern = "/tmp/sallyport-admin-XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string file(const char* name) const { return path + "/" + name; }
  std::string path;
};

/// Answers "now" at once, and keeps "later" for later.
struct Gateway final : Socket::Handler {
  void on_request(std::string_view line, Reply reply) override {
    if (line == "later") {
      later.push_back(std::move(reply));
      return;
    }
    ++asked;
    reply.ok(std::string(size, 'x'));
  }
  std::size_t size = 1;
  int asked = 0;
  std::vector<Reply> later;
};

/// The test's end; it blocks nowhere.
class Asker {
 public:
  explicit Asker(const std::string& path)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(::connect(socket_.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    ::fcntl(socket_.fd(), F_SETFL, O_NONBLOCK);
  }
  void send(std::string_view text) {
    REQUIRE(::send(socket_.fd(), text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  /// What has come so far.
  std::string& got() {
    char bytes[4096];
    ssize_t n = 0;
    while ((n = ::recv(socket_.fd(), bytes, sizeof(bytes), 0)) > 0) {
      text_.append(bytes, static_cast<std::size_t>(n));
    }
    closed_ = closed_ || n == 0 || (n < 0 && errno != EAGAIN);
    return text_;
  }
  [[nodiscard]] std::size_t lines() {
    return static_cast<std::size_t>(std::count(got().begin(), got().end(), '\n'));
  }
  bool closed() {
    got();
    return closed_;
  }
  void end() { ::shutdown(socket_.fd(), SHUT_WR); }

 private:
  net::Socket socket_;
  std::string text_;
  bool closed_ = false;
};

constexpr std::string_view kNow = "now\n";
constexpr std::string_view kLater = "later\n";

struct Served {
  explicit Served(Options options = {}) {
    if (options.path.empty()) options.path = folder.file("admin.sock");
    auto opened = Socket::open(*loop, loop.timers(), options, gateway);
    REQUIRE(opened);
    socket = std::move(*opened);
    path = options.path;
  }
  ~Served() {
    socket->close();
    loop.drain();
  }
  Folder folder;
  net::TestLoop loop;
  Gateway gateway;
  std::unique_ptr<Socket> socket;
  std::string path;
};

}  // namespace

TEST_CASE("admin socket: its user alone may open it, and it goes when it closes") {
  std::string path;
  {
    const Served served;
    path = served.path;
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
  CHECK(!std::filesystem::exists(path));
}

TEST_CASE("admin socket: a request cut anywhere, and many in one packet, are answered in order") {
  Served served;
  Asker one(served.path);
  for (const char c : kNow) {
    one.send(std::string_view(&c, 1));
    served.loop.drain();
  }
  served.loop.until([&] { return one.lines() == 1; });
  std::string many;
  for (int i = 0; i < 1000; ++i) many += kNow;
  one.send(many);
  served.loop.until([&] { return one.lines() == 1001; });
  CHECK(served.gateway.asked == 1001);
}

TEST_CASE("admin socket: one request at a time; an answer may come late, or find nobody") {
  Served served;
  {
    Asker gone(served.path);
    gone.send(kLater);
    served.loop.until([&] { return served.gateway.later.size() == 1; });
  }
  Asker patient(served.path);
  patient.send(std::string(kLater) + std::string(kNow));
  served.loop.until([&] { return served.gateway.later.size() == 2; });
  served.loop.drain();
  CHECK(served.gateway.asked == 0);
  served.gateway.later[0].ok(1);
  served.gateway.later[1].ok(2);
  served.gateway.later[1].ok(3);
  served.loop.until([&] { return patient.lines() == 2; });
  CHECK(patient.got().find("\"result\":2") != std::string::npos);
  CHECK(patient.got().find("\"result\":3") == std::string::npos);
  served.gateway.later.clear();
}

TEST_CASE("admin socket: an answer that outlives the socket finds nobody") {
  std::optional<Reply> late;
  {
    Served served;
    Asker asker(served.path);
    asker.send(kLater);
    served.loop.until([&] { return !served.gateway.later.empty(); });
    late = served.gateway.later.front();
  }
  late->ok(1);
}

TEST_CASE("admin socket: a line over the bound, and one client too many, are closed") {
  Served served({.path = {}, .bounds = {.max_clients = 2, .max_request = 100}});
  Asker loud(served.path);
  loud.send(std::string(101, 'x'));
  served.loop.until([&] { return loud.closed(); });
  CHECK(loud.lines() == 0);

  Asker one(served.path);
  Asker two(served.path);
  served.loop.until([&] { return served.socket->clients() == 2; });
  Asker three(served.path);
  served.loop.until([&] { return three.closed(); });
  one.send(kNow);
  served.loop.until([&] { return one.lines() == 1; });
}

TEST_CASE(
    "admin socket: who does not read, or does not ask, is closed in time and holds up nobody") {
  Served served({.path = {}, .bounds = {.timeout = std::chrono::seconds(5)}});
  served.gateway.size = 8 * 1024 * 1024;
  Asker deaf(served.path);
  deaf.send(kNow);
  served.loop.until([&] { return served.gateway.asked == 1; });
  const Asker silent(served.path);
  served.loop.until([&] { return served.socket->clients() == 2; });
  served.gateway.size = 1;
  Asker other(served.path);
  other.send(kNow);
  served.loop.until([&] { return other.lines() == 1; });
  served.loop.timers().fire(net::Loop::now() + std::chrono::seconds(6));
  CHECK(served.socket->clients() == 0);
}

TEST_CASE("admin socket: a client that ends behind its request is answered") {
  Served served;
  Asker asker(served.path);
  asker.send(kNow);
  asker.end();
  served.loop.until([&] { return asker.lines() == 1; });
  served.loop.until([&] { return asker.closed(); });
  CHECK(served.socket->clients() == 0);
}

TEST_CASE("admin socket: a stale file is replaced, a served or a foreign one is not") {
  const Folder folder;
  const std::string path = folder.file("admin.sock");
  net::TestLoop loop;
  Gateway gateway;
  const auto open = [&] { return Socket::open(*loop, loop.timers(), {.path = path}, gateway); };
  {
    // What a process leaves behind that was killed.
    const net::Socket killed(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(::bind(killed.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  auto first = open();
  REQUIRE(first);
  const auto second = open();
  REQUIRE(!second);
  CHECK(second.error().find("in use") != std::string::npos);
  (*first)->close();
  loop.drain();
  std::ofstream(path) << "somebody's";
  CHECK(!open());
  CHECK(std::filesystem::exists(path));
  const auto nowhere =
      Socket::open(*loop, loop.timers(), {.path = folder.file("no/where")}, gateway);
  REQUIRE(!nowhere);
  CHECK(nowhere.error().find("no such file") != std::string::npos);
  CHECK(!Socket::open(*loop, loop.timers(), {.path = std::string(200, 'x')}, gateway));
}
