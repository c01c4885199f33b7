// The contract of auth::Authenticator, kept by one as a real one will be.

#include "auth/authenticator.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "net/work_pool.h"
#include "pool_authenticator.h"

using namespace sallyport;
using auth::Authenticator;
using auth::test::PoolAuthenticator;

namespace {

/// Who waits for an answer.
struct Client final : Authenticator::Handler {
  void on_login(LoginResult answer) override {
    result = std::move(answer);
    ticket.reset();  // of its own question
    if (last != nullptr) last->close();
  }
  Authenticator::Ticket ticket;
  std::optional<LoginResult> result;
  net::WorkPool::Port* last = nullptr;  // closed with the answer, so that the loop ends
};

struct Site {
  explicit Site(std::size_t queue = 16)
      : pool(net::WorkPool::make({.threads = 1, .queue = queue}).value()),
        loop(net::Loop::make().value()),
        port(*pool) {
    REQUIRE(port.open(*loop) == 0);
  }
  void ask(Client& client, std::string username, std::string password) {
    // Gone when submit() has returned, as the session's copy may be.
    const Identity identity;
    client.ticket = authenticator->submit({.username = username,
                                           .password = as_bytes(password),
                                           .auth_method = {},
                                           .identity = identity},
                                          port, client);
    std::fill(password.begin(), password.end(), '?');
  }
  std::unique_ptr<net::WorkPool> pool;
  std::unique_ptr<net::Loop> loop;
  net::WorkPool::Port port;
  std::shared_ptr<PoolAuthenticator> authenticator =
      std::make_shared<PoolAuthenticator>(auth::test::Users{{"alice", "secret"}});
};

}  // namespace

TEST_CASE("an answer comes once, on the loop, and leaves no password behind") {
  Site site;
  Client right;
  Client wrong;
  Client nobody;
  site.ask(right, "alice", "secret");
  site.ask(wrong, "alice", "Secret");
  site.ask(nobody, "bob", "secret");
  CHECK(right.ticket != nullptr);
  CHECK_FALSE(right.result.has_value());
  nobody.last = &site.port;
  site.loop->run();
  CHECK(std::holds_alternative<LoginAllowed>(right.result.value()));
  CHECK(std::holds_alternative<LoginRefused>(wrong.result.value()));
  CHECK(std::holds_alternative<LoginRefused>(nobody.result.value()));
  CHECK(site.authenticator->copies == 0);
}

TEST_CASE("whoever destroys the ticket hears nothing") {
  Site site;
  Client gone;
  Client last;
  last.last = &site.port;
  for (int i = 0; i < 10; ++i) {
    site.ask(gone, "alice", "secret");  // destroys the ticket before
  }
  gone.ticket.reset();
  site.ask(last, "alice", "secret");
  site.loop->run();
  CHECK_FALSE(gone.result.has_value());
  CHECK(last.result.has_value());
  site.pool.reset();
  CHECK(site.authenticator->copies == 0);
}

TEST_CASE("an authenticator that can take no more says so at once") {
  Site site(0);
  Client client;
  site.ask(client, "alice", "secret");
  CHECK(client.ticket == nullptr);
  CHECK_FALSE(client.result.has_value());
  CHECK(site.authenticator->copies == 0);
  site.port.close();
  site.loop->run();
}
