#include "net/listener.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "loopback.h"

using namespace sallyport;
using namespace sallyport::net;

namespace {

struct Log final : Listener::Handler {
  void on_connection(Listener&, Socket socket, const Address& peer) override {
    sockets.push_back(std::move(socket));
    peers.push_back(peer);
  }
  void on_accept_paused(Listener&, int error) override { pauses.push_back(error); }

  std::vector<Socket> sockets;
  std::vector<Address> peers;
  std::vector<int> pauses;
};

Socket connect_to(const Address& address) {
  Socket socket(::socket(address.native()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(socket);
  REQUIRE(::connect(socket.fd(), address.native(), address.size()) == 0);
  return socket;
}

}  // namespace

TEST_CASE("listener: accepts, and knows who it is") {
  TestLoop loop;
  Log log;
  Port port;
  Listener listener(loop.timers(), log, std::move(port.socket), 3, {});
  REQUIRE(listener.start(*loop) == 0);
  CHECK(listener.index() == 3);
  const Socket client = connect_to(port.address);
  loop.until([&] { return log.sockets.size() == 1; });
  CHECK(log.peers[0].host() == "127.0.0.1");
  CHECK(log.peers[0].port() == local_address(client)->port());
  listener.close();
  listener.close();
}

TEST_CASE("listener: IPv4 arrives at an IPv6 wildcard under its own address") {
  auto socket = listen_on(*Address::parse("::", 0), {});
  if (!socket) return;  // a host without IPv6
  TestLoop loop;
  Log log;
  const std::uint16_t port = local_address(*socket)->port();
  Listener listener(loop.timers(), log, std::move(*socket), 0, {});
  REQUIRE(listener.start(*loop) == 0);
  const Socket client = connect_to(loopback(port));
  loop.until([&] { return log.sockets.size() == 1; });
  CHECK(log.peers[0].host() == "127.0.0.1");
  listener.close();
}

TEST_CASE("listener: a round takes no more than its budget") {
  TestLoop loop;
  Log log;
  Port port;
  constexpr std::size_t kBudget = 7;
  Listener listener(loop.timers(), log, std::move(port.socket), 0, {.budget = kBudget});
  REQUIRE(listener.start(*loop) == 0);
  std::vector<Socket> clients;
  constexpr std::size_t kMany = 3 * kBudget;
  for (std::size_t i = 0; i < kMany; ++i) clients.push_back(connect_to(port.address));
  uv_run((*loop).native(), UV_RUN_NOWAIT);
  CHECK(log.sockets.size() == kBudget);
  loop.until([&] { return log.sockets.size() == kMany; });
  listener.close();
}

TEST_CASE("listener: out of descriptors it pauses, keeps who waits, and goes on") {
  TestLoop loop;
  Log log;
  Port port;
  Listener listener(loop.timers(), log, std::move(port.socket), 0, {});
  REQUIRE(listener.start(*loop) == 0);
  const Socket client = connect_to(port.address);
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  {
    // No descriptor beyond those that are open.
    const Socket lowest_free(::dup(client.fd()));
    rlimit none = limit;
    none.rlim_cur = static_cast<rlim_t>(lowest_free.fd());
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  loop.until([&] { return !log.pauses.empty(); });
  const bool accepted_nothing = log.sockets.empty();
  setrlimit(RLIMIT_NOFILE, &limit);
  CHECK(accepted_nothing);
  CHECK(log.pauses.front() == UV_EMFILE);
  loop.until([&] { return log.sockets.size() == 1; });
  listener.close();
}
