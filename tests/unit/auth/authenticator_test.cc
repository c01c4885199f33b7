// The contract of auth::Authenticator, kept by an authenticator as a real one will be: it copies
// what it needs, works on a thread of the pool, answers on the loop, and forgets what nobody waits
// for.

#include "auth/authenticator.h"

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "net/work_pool.h"

using namespace sallyport;
using auth::Authenticator;

namespace {

/// Passwords by user name.
using Users = std::map<std::string, std::string, std::less<>>;

/// Counts the copies of passwords that are still there.
class PoolAuthenticator final : public Authenticator {
 public:
  PoolAuthenticator(net::WorkPool& pool, Users users) : users_(std::move(users)), port_(pool) {}

  [[nodiscard]] int open(net::Loop& loop) { return port_.open(loop); }
  void close() { port_.close(); }

  [[nodiscard]] Ticket submit(const LoginRequest& request, Handler& handler) override {
    auto ticket = port_.submit(std::make_unique<Question>(*this, request, handler));
    if (!ticket) return nullptr;
    return std::make_unique<Waiting>(std::move(ticket));
  }
  std::atomic<int> copies = 0;

 private:
  struct Waiting final : Pending {
    explicit Waiting(net::WorkPool::Ticket of) : ticket(std::move(of)) {}
    net::WorkPool::Ticket ticket;
  };

  struct Question final : net::WorkPool::Job {
    Question(PoolAuthenticator& of, const LoginRequest& request, Handler& to)
        : owner(of), handler(to), username(request.username.value_or("")) {
      password.append(request.password);
      ++owner.copies;
    }
    ~Question() override {
      password.wipe();
      --owner.copies;
    }
    void run() override {
      const auto user = owner.users_.find(username);
      if (user == owner.users_.end() || user->second != as_text(password.bytes())) return;
      result = LoginAllowed{};
    }
    void finish() override { handler.on_login(std::move(result)); }

    PoolAuthenticator& owner;
    Handler& handler;
    const std::string username;
    Buffer password;
    LoginResult result = LoginRefused{};
  };

  const Users users_;
  net::WorkPool::Port port_;
};

/// Who waits for an answer.
struct Client final : Authenticator::Handler {
  void on_login(LoginResult answer) override {
    result = std::move(answer);
    ticket.reset();  // of its own question
    if (last != nullptr) last->close();
  }
  Authenticator::Ticket ticket;
  std::optional<LoginResult> result;
  PoolAuthenticator* last = nullptr;  // closed with the answer, so that the loop ends
};

struct Site {
  explicit Site(std::size_t queue = 16)
      : pool(net::WorkPool::make({.threads = 1, .queue = queue}).value()),
        loop(net::Loop::make().value()),
        authenticator(*pool, {{"alice", "secret"}}) {
    REQUIRE(authenticator.open(*loop) == 0);
  }
  void ask(Client& client, std::string username, std::string password) {
    // Gone when submit() has returned, as the session's copy may be.
    const Identity identity;
    client.ticket = authenticator.submit({.username = username,
                                          .password = as_bytes(password),
                                          .auth_method = {},
                                          .identity = identity},
                                         client);
    std::fill(password.begin(), password.end(), '?');
  }
  std::unique_ptr<net::WorkPool> pool;
  std::unique_ptr<net::Loop> loop;
  PoolAuthenticator authenticator;
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
  nobody.last = &site.authenticator;
  site.loop->run();
  CHECK(std::holds_alternative<LoginAllowed>(right.result.value()));
  CHECK(std::holds_alternative<LoginRefused>(wrong.result.value()));
  CHECK(std::holds_alternative<LoginRefused>(nobody.result.value()));
  CHECK(site.authenticator.copies == 0);
}

TEST_CASE("whoever destroys the ticket hears nothing") {
  Site site;
  Client gone;
  Client last;
  last.last = &site.authenticator;
  for (int i = 0; i < 10; ++i) {
    site.ask(gone, "alice", "secret");  // destroys the ticket before
  }
  gone.ticket.reset();
  site.ask(last, "alice", "secret");
  site.loop->run();
  CHECK_FALSE(gone.result.has_value());
  CHECK(last.result.has_value());
  site.pool.reset();
  CHECK(site.authenticator.copies == 0);
}

TEST_CASE("an authenticator that can take no more says so at once") {
  Site site(0);
  Client client;
  site.ask(client, "alice", "secret");
  CHECK(client.ticket == nullptr);
  CHECK_FALSE(client.result.has_value());
  CHECK(site.authenticator.copies == 0);
  site.authenticator.close();
  site.loop->run();
}
