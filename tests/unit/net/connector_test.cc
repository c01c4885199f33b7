#include "net/connector.h"

#include <memory>

#include <doctest/doctest.h>

#include "loopback.h"
#include "net/resolver.h"

using namespace sallyport;
using namespace sallyport::net;

namespace {

constexpr Duration kLong = std::chrono::seconds(15);

struct Dial final : Connector::Handler {
  Dial(TestLoop& loop, Resolver& resolver)
      : connector(std::make_unique<Connector>(*loop, loop.timers(), resolver, *this)) {}
  // Both destroy the connector, as a relay does.
  void on_connected(Socket connected) override {
    socket = std::move(connected);
    ++ends;
    connector.reset();
  }
  void on_connect_failed(int code) override {
    error = describe(code);
    ++ends;
    connector.reset();
  }
  std::unique_ptr<Connector> connector;
  Socket socket;
  std::string error;
  int ends = 0;
};

std::uint16_t free_port() { return Port().address.port(); }

}  // namespace

TEST_CASE("connector: an address that answers") {
  TestLoop loop;
  const Port port;
  Resolver resolver(*loop);
  resolver.set_target("127.0.0.1", port.address.port());
  Dial dial(loop, resolver);
  dial.connector->start(Loop::now(), kLong);
  CHECK(dial.ends == 0);
  loop.until([&] { return dial.ends != 0; });
  CHECK(dial.error == "");
  REQUIRE(dial.socket);
  CHECK(wait_for(port.socket.fd(), POLLIN));
}

TEST_CASE("connector: nobody listens") {
  TestLoop loop;
  Resolver resolver(*loop);
  resolver.set_target("127.0.0.1", free_port());
  Dial dial(loop, resolver);
  dial.connector->start(Loop::now(), kLong);
  loop.until([&] { return dial.ends != 0; });
  CHECK(dial.error == "connection refused");
}

TEST_CASE("connector: no time is no success") {
  TestLoop loop;
  const Port port;
  Resolver resolver(*loop);
  resolver.set_target("127.0.0.1", port.address.port());
  Dial dial(loop, resolver);
  dial.connector->start(Loop::now(), Duration::zero());
  loop.until([&] { return dial.ends != 0; });
  CHECK(dial.error == "connection timed out");
}

TEST_CASE("connector: destroyed while it waits, nothing is called") {
  TestLoop loop;
  const Port port;
  Resolver resolver(*loop);
  resolver.set_target("127.0.0.1", port.address.port());
  Dial dial(loop, resolver);
  dial.connector->start(Loop::now(), kLong);
  SUBCASE("before the first attempt") {}
  SUBCASE("during an attempt") { uv_run((*loop).native(), UV_RUN_NOWAIT); }
  dial.connector.reset();
  const int before = dial.ends;
  loop.drain();
  CHECK(dial.ends == before);
}

TEST_CASE("connector: by name, and the next address where the first does not answer") {
  TestLoop loop;
  Resolver resolver(*loop);
  // localhost has an IPv4 address everywhere; where it has an IPv6 address too, nobody is there.
  const Port port;
  resolver.set_target("localhost", port.address.port());
  Dial dial(loop, resolver);
  dial.connector->start(Loop::now(), kLong);
  loop.until([&] { return dial.ends != 0; });
  CHECK(dial.error == "");
  CHECK(dial.socket);
  resolver.close();
}

TEST_CASE("resolver: one lookup serves all who wait, and then those who come") {
  struct Log final : Resolver::Waiter {
    void on_resolved(const std::vector<Address>& found, int error) override {
      addresses = found.size();
      last = error;
      ++calls;
    }
    std::size_t addresses = 0;
    int last = 0;
    int calls = 0;
  };
  TestLoop loop;
  Resolver resolver(*loop);
  resolver.set_target("localhost", 1883);
  CHECK(resolver.known(Loop::now()) == nullptr);
  std::array<Log, 4> logs;
  for (Log& log : logs) REQUIRE(resolver.wait(log) == 0);
  resolver.forget(logs[1]);
  loop.until([&] { return logs[3].calls != 0; });
  CHECK(logs[0].calls == 1);
  CHECK(logs[1].calls == 0);
  CHECK(logs[2].calls == 1);
  CHECK(logs[0].addresses > 0);
  const auto* known = resolver.known(Loop::now());
  REQUIRE(known != nullptr);
  CHECK(known->front().port() == 1883);
  CHECK(resolver.known(Loop::now() + Resolver::kKeep + std::chrono::seconds(1)) == nullptr);
  resolver.drop();
  CHECK(resolver.known(Loop::now()) == nullptr);

  SUBCASE("a new target is what those who wait are told") {
    REQUIRE(resolver.wait(logs[0]) == 0);
    resolver.set_target("127.0.0.1", 99);
    loop.until([&] { return logs[0].calls == 2; });
    CHECK(logs[0].addresses == 1);
    CHECK(resolver.known(Loop::now())->front().port() == 99);
  }
  SUBCASE("a waiter may make others forget, and wait again") {
    struct Chain final : Resolver::Waiter {
      void on_resolved(const std::vector<Address>&, int) override {
        for (Log& log : *others) resolver->forget(log);
        if (++calls == 1) REQUIRE(resolver->wait(*this) == 0);
      }
      std::array<Log, 4>* others = nullptr;
      Resolver* resolver = nullptr;
      int calls = 0;
    };
    Chain chain;
    chain.others = &logs;
    chain.resolver = &resolver;
    const int before = logs[0].calls + logs[1].calls + logs[2].calls + logs[3].calls;
    REQUIRE(resolver.wait(logs[0]) == 0);
    REQUIRE(resolver.wait(logs[1]) == 0);
    REQUIRE(resolver.wait(chain) == 0);  // told first
    loop.until([&] { return chain.calls == 2; });
    CHECK(logs[0].calls + logs[1].calls + logs[2].calls + logs[3].calls == before);
  }
  resolver.close();
}

TEST_CASE("resolver: what is no name at all is refused at once") {
  struct Log final : Resolver::Waiter {
    void on_resolved(const std::vector<Address>&, int) override { FAIL("called"); }
  };
  TestLoop loop;
  Resolver resolver(*loop);
  resolver.set_target(std::string(300, 'a') + "." + std::string(300, 'b'), 1883);
  Log log;
  CHECK(resolver.wait(log) != 0);
  Dial dial(loop, resolver);
  dial.connector->start(Loop::now(), kLong);
  loop.until([&] { return dial.ends != 0; });
  CHECK(dial.error != "");
}
