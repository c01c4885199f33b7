// A relay asks an authenticator about a CONNECT, on real loops with a real pool of threads.

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "../auth/pool_authenticator.h"
#include "record.h"
#include "site.h"

using namespace sallyport;
using namespace sallyport::proxy;
using namespace sallyport::proxy::test;
using auth::test::PoolAuthenticator;

namespace {

struct Asked {
  explicit Asked(std::size_t queue = 16, std::size_t threads = 1)
      : pool(net::WorkPool::make({.threads = threads, .queue = queue}).value()) {}
  ~Asked() { users->go_on(); }  // or the pool would wait for ever

  [[nodiscard]] Plan plan() const {
    Plan plan;
    plan.authenticator = users;
    plan.pool = pool.get();
    return plan;
  }
  /// Waits until a thread of the pool has begun so many questions.
  void wait_asked(int times = 1) const {
    for (int i = 0; users->asked < times; ++i) {
      REQUIRE(i < kLimitMs);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  /// Waits until no copy of a password is left.
  void wait_forgotten() const {
    for (int i = 0; users->copies != 0; ++i) {
      REQUIRE(i < kLimitMs);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::unique_ptr<net::WorkPool> pool;
  std::shared_ptr<PoolAuthenticator> users =
      std::make_shared<PoolAuthenticator>(auth::test::Users{{"alice", "secret"}});
};

wire::Connect alice(std::string password = "secret") {
  return {.level = wire::v5, .username = "alice", .password = std::move(password)};
}

/// The whole of what a client gets that is refused with this code.
std::string refused(unsigned code) { return wire::connack(wire::v5, code); }

}  // namespace

TEST_CASE("login: who is allowed gets a session, and CONNECT reaches the broker as it came") {
  Asked asked;
  Site site(asked.plan());
  Site::Pair pair = site.session(alice());
  pair.client.send(wire::pingreq());
  CHECK(pair.broker.receive(2) == wire::pingreq());
  CHECK(asked.users->asked == 1);
  CHECK(asked.users->copies == 0);
  CHECK(site.log.count("begin") == 1);
}

TEST_CASE("login: who is refused is told so, and the broker does not hear of it") {
  Asked asked;
  Site site(asked.plan());
  Peer client = site.connect();
  client.send(wire::connect(alice("Secret")));
  CHECK(client.receive_all() == refused(0x86));
  site.log.wait("refusal login.refused");
  CHECK(site.log.last_refusal().phase == Phase::login);
  CHECK(site.log.last_refusal().version == mqtt::Version::v5);
  CHECK_FALSE(site.broker.dialled());
}

TEST_CASE("login: where nobody can be asked, nobody comes in") {
  Asked asked(0);  // no room for a question
  Plan plan = asked.plan();
  SUBCASE("the queue is full") {}
  SUBCASE("there are no threads") { plan.pool = nullptr; }
  Site site(std::move(plan));
  Peer client = site.connect();
  client.send(wire::connect(alice()) + wire::pingreq());  // what waits changes nothing
  CHECK(client.receive_all() == refused(0x88));
  site.log.wait("end client " + std::string(to_string(CloseKind::login_unavailable)));
  CHECK(site.log.count("refusal login.unavailable") == 1);
  CHECK(site.log.last_refusal().phase == Phase::login);
  CHECK_FALSE(site.broker.dialled());
  CHECK(asked.users->copies == 0);
}

TEST_CASE("login: a client that leaves meanwhile is asked about no longer") {
  Asked asked;
  Site site(asked.plan());
  asked.users->hold();
  Peer first = site.connect();  // has the only thread
  first.send(wire::connect(alice()));
  asked.wait_asked();
  Peer second = site.connect();
  second.send(wire::connect(alice()));
  while (asked.pool->waiting() == 0) std::this_thread::yield();
  first.close();
  second.close();
  site.log.wait("closed", 2);
  CHECK(asked.pool->waiting() == 0);  // the second one's never runs
  asked.users->go_on();
  asked.wait_forgotten();
  CHECK(asked.users->asked == 1);
  CHECK(site.log.count("begin") == 0);
  CHECK_FALSE(site.broker.dialled());
}

TEST_CASE("login: an answer that does not come in time is not waited for") {
  Asked asked;
  Plan plan = asked.plan();
  plan.login_timeout = std::chrono::milliseconds(20);
  Site site(std::move(plan));
  asked.users->hold();
  Peer client = site.connect();
  client.send(wire::connect(alice()));
  CHECK(client.receive_all() == refused(0x88));
  site.log.wait("refusal login.timeout");
  CHECK(site.log.last_refusal().phase == Phase::login);
  client.close();
  site.log.wait("closed");
  asked.users->go_on();
  asked.wait_forgotten();
  CHECK_FALSE(site.broker.dialled());
}

TEST_CASE("login: a drain does not wait for answers") {
  Asked asked;
  Site site(asked.plan());
  asked.users->hold();
  Peer client = site.connect();
  client.send(wire::connect(alice()));
  asked.wait_asked();
  site.server->drain(std::chrono::seconds(15));
  CHECK(client.receive_all() == refused(0x88));
  client.close();
  site.wait_stopped();
  CHECK(site.log.count("end client shutdown") == 1);
  asked.users->go_on();
  asked.wait_forgotten();
  CHECK_FALSE(site.broker.dialled());
}

TEST_CASE("login: the policy changes while somebody is asked about") {
  Asked asked;
  Site site(asked.plan());
  asked.users->hold();
  Peer client = site.connect();
  client.send(wire::connect(alice()));
  asked.wait_asked();
  Snapshot next = site.snapshot();
  SUBCASE("who is still admitted goes on, under the new one") {
    next.policy = policy_for({"other/#"});
    CHECK(site.reload(next) == 1);
    asked.users->go_on();
    Peer broker = site.broker.accept();
    CHECK(broker.receive(wire::connect(alice()).size()) == wire::connect(alice()));
    broker.send(wire::connack(wire::v5));
    site.log.wait("begin");
    client.send(wire::publish({.level = wire::v5, .topic = "t/x"}));
    site.log.wait("refusal policy.no-rule");
  }
  SUBCASE("who is not is refused at once, whatever the answer would have been") {
    next.policy = policy_of_only("somebody-else");
    CHECK(site.reload(next) == 1);
    CHECK(client.receive_all() == refused(0x87));
    site.log.wait("refusal policy.no-role");
    CHECK(site.log.last_refusal().phase == Phase::login);
    client.close();
    site.log.wait("closed");
    asked.users->go_on();
    asked.wait_forgotten();
    CHECK_FALSE(site.broker.dialled());
  }
  SUBCASE("and the authenticator with it: the old one answers what it was asked") {
    auto changed = std::make_shared<ListenerSettings>(*next.listeners[0]);
    changed->ask(nullptr);
    next.listeners[0] = std::move(changed);
    CHECK(site.reload(next) == 1);
    asked.users->go_on();
    const Peer broker = site.broker.accept();
    Peer other = site.connect();
    other.send(wire::connect(alice("wrong")));
    const Peer again = site.broker.accept();  // nobody is asked any more
    CHECK(asked.users->asked == 1);
  }
}

TEST_CASE("login: many at once, more than may wait") {
  Asked asked(4);
  Plan plan = asked.plan();
  plan.workers = 2;
  Site site(std::move(plan));
  asked.users->hold();
  std::vector<Peer> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(site.connect());
  for (Peer& client : clients) client.send(wire::connect(alice("wrong")));
  // One runs and four wait, or four wait where the thread was late; nobody else does.
  site.log.wait("refusal login.unavailable", 35);
  asked.users->go_on();
  std::size_t told[2] = {};
  for (Peer& client : clients) {
    const std::string answer = client.receive_all();
    REQUIRE((answer == refused(0x86) || answer == refused(0x88)));
    ++told[answer == refused(0x86) ? 0 : 1];
    client.close();
  }
  site.log.wait("closed", 40);
  CHECK(told[0] >= 4);
  CHECK(told[0] <= 5);
  CHECK(site.log.count("refusal login.refused") == told[0]);
  CHECK(site.log.count("refusal login.unavailable") == told[1]);
  asked.wait_forgotten();
  CHECK_FALSE(site.broker.dialled());
}
