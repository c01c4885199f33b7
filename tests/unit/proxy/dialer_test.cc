#include "proxy/dialer.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "site.h"

using namespace sallyport;
using namespace sallyport::proxy;
using namespace sallyport::proxy::test;

namespace {

/// A dialer on a loop of its own.
class Desk {
 public:
  explicit Desk(const BrokerSettings& settings)
      : loop_(net::Loop::make().value()), resolver_(*loop_), dialer_(*loop_, timers_, resolver_) {
    REQUIRE(timers_.open(*loop_) == 0);
    resolver_.set_target(settings.host, settings.port);
    dialer_.configure(settings);
  }
  ~Desk() {
    resolver_.close();
    timers_.close();
    loop_->run();
  }

  /// Runs the loop until `done`, or, where that never comes, fails.
  template <typename Done>
  void run(Done done) {
    const Instant until = net::Loop::now() + std::chrono::milliseconds(kLimitMs);
    while (!done()) {
      REQUIRE(net::Loop::now() < until);
      uv_run(loop_->native(), UV_RUN_ONCE);
    }
  }
  [[nodiscard]] Dialer& dialer() { return dialer_; }

 private:
  std::unique_ptr<net::Loop> loop_;
  net::Timers timers_;
  net::Resolver resolver_;
  Dialer dialer_;
};

struct Caller final : Dialer::Handler {
  void ask(Dialer& dialer) { ticket = dialer.request(net::Loop::now(), *this); }
  void on_dial_begun(Instant) override {
    begun = true;
    if (order != nullptr) order->push_back(number);
    if (goes_when_begun) ticket.reset();
  }
  void on_dialled(net::Socket made) override {
    socket = std::move(made);
    done = true;
    if (!keeps) ticket.reset();
  }
  void on_dial_failed(Check why, std::string_view detail) override {
    CHECK_FALSE(detail.empty());
    check = why;
    done = true;
    if (!keeps) ticket.reset();
  }

  std::unique_ptr<Dialer::Ticket> ticket;
  net::Socket socket;
  std::optional<Check> check;
  std::vector<int>* order = nullptr;
  int number = 0;
  bool begun = false;
  bool done = false;
  bool keeps = true;  // its place, when it has its socket
  bool goes_when_begun = false;
};

using Callers = std::vector<std::unique_ptr<Caller>>;

Callers callers(int count) {
  Callers all;
  for (int i = 0; i < count; ++i) {
    all.push_back(std::make_unique<Caller>());
    all.back()->number = i;
  }
  return all;
}

BrokerSettings settings_for(const FakeBroker& broker, std::uint32_t dials, std::uint32_t queue) {
  BrokerSettings settings;
  settings.host = "127.0.0.1";
  settings.port = broker.port();
  settings.max_dials = dials;
  settings.dial_queue = queue;
  settings.dial_wait = std::chrono::milliseconds(kLimitMs);
  settings.connect_timeout = std::chrono::milliseconds(kLimitMs);
  return settings;
}

}  // namespace

TEST_CASE("dialer: within its bounds it dials at once") {
  const FakeBroker broker;
  Desk desk(settings_for(broker, 3, 0));
  Callers all = callers(3);
  for (const auto& caller : all) {
    caller->ask(desk.dialer());
    CHECK_FALSE(caller->ticket->waits());
    CHECK_FALSE(caller->done);  // callbacks come from the loop
  }
  CHECK(desk.dialer().running() == 3);
  desk.run([&] { return std::ranges::all_of(all, [](const auto& c) { return c->done; }); });
  for (const auto& caller : all) CHECK(static_cast<bool>(caller->socket));
  // The place is held until the ticket goes.
  CHECK(desk.dialer().running() == 3);
  all.clear();
  CHECK(desk.dialer().running() == 0);
}

TEST_CASE("dialer: who comes later waits, in order, and nobody is passed by") {
  const FakeBroker broker;
  Desk desk(settings_for(broker, 2, 10));
  std::vector<int> order;
  Callers all = callers(8);
  for (const auto& caller : all) {
    caller->order = &order;
    caller->keeps = false;
    caller->ask(desk.dialer());
  }
  CHECK(desk.dialer().running() == 2);
  CHECK(desk.dialer().waiting() == 6);
  desk.run([&] { return std::ranges::all_of(all, [](const auto& c) { return c->done; }); });
  CHECK(order == std::vector<int>{2, 3, 4, 5, 6, 7});
  CHECK(desk.dialer().waiting() == 0);
  CHECK(desk.dialer().running() == 0);
}

TEST_CASE("dialer: a free place goes to who waits, not to who comes") {
  const FakeBroker broker;
  Desk desk(settings_for(broker, 1, 10));
  std::vector<int> order;
  Callers all = callers(3);
  for (const auto& caller : all) caller->order = &order;
  all[0]->ask(desk.dialer());
  all[1]->ask(desk.dialer());
  desk.run([&] { return all[0]->done; });
  all[0]->ticket.reset();  // the place is free, and the loop has not turned yet
  all[2]->ask(desk.dialer());
  CHECK(all[2]->ticket->waits());
  desk.run([&] { return all[1]->done; });
  CHECK(order == std::vector<int>{1});
  all[1]->ticket.reset();
  desk.run([&] { return all[2]->done; });
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("dialer: no room to wait, and waiting too long, are told by the loop") {
  const FakeBroker broker;
  BrokerSettings settings = settings_for(broker, 1, 1);
  settings.dial_wait = std::chrono::milliseconds(20);
  Desk desk(settings);
  Callers all = callers(3);
  for (const auto& caller : all) caller->ask(desk.dialer());
  CHECK_FALSE(all[2]->ticket->waits());
  CHECK_FALSE(all[2]->done);
  desk.run([&] { return all[1]->done && all[2]->done; });
  CHECK(all[1]->check == Check::broker_queue);
  CHECK_FALSE(all[1]->begun);
  CHECK(all[2]->check == Check::broker_queue_full);
  CHECK(desk.dialer().waiting() == 0);
  desk.run([&] { return all[0]->done; });
  CHECK(static_cast<bool>(all[0]->socket));
}

TEST_CASE("dialer: a dial that fails is named, and makes room") {
  FakeBroker broker;
  const BrokerSettings settings = settings_for(broker, 1, 10);
  broker.stop();
  Desk desk(settings);
  Callers all = callers(4);
  for (const auto& caller : all) caller->ask(desk.dialer());
  desk.run([&] { return std::ranges::all_of(all, [](const auto& c) { return c->done; }); });
  for (const auto& caller : all) CHECK(caller->check == Check::broker_refused);
  CHECK(desk.dialer().running() == 0);
}

TEST_CASE("dialer: a reload that allows more lets those who wait go on") {
  const FakeBroker broker;
  Desk desk(settings_for(broker, 1, 10));
  Callers all = callers(4);
  for (const auto& caller : all) caller->ask(desk.dialer());
  desk.run([&] { return all[0]->done; });
  CHECK(desk.dialer().waiting() == 3);
  desk.dialer().configure(settings_for(broker, 4, 10));
  desk.run([&] { return std::ranges::all_of(all, [](const auto& c) { return c->done; }); });
}

TEST_CASE("dialer: requests may be forgotten in every state") {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    const FakeBroker broker;
    Desk desk(settings_for(broker, 5, 40));
    std::mt19937 random(seed);
    Callers all = callers(60);  // 5 run, 40 wait, 15 are refused
    for (const auto& caller : all) {
      caller->keeps = random() % 2 == 0;
      caller->goes_when_begun = random() % 4 == 0;
      caller->ask(desk.dialer());
      if (random() % 3 == 0) all[random() % all.size()]->ticket.reset();
    }
    for (int step = 0; step < 200; ++step) {
      all[random() % all.size()]->ticket.reset();
      const bool any =
          std::ranges::any_of(all, [](const auto& c) { return c->ticket != nullptr && !c->done; });
      if (!any) break;
      // Those that keep their place for ever would let the others wait for ever.
      for (const auto& caller : all) {
        if (caller->done && random() % 2 == 0) caller->ticket.reset();
      }
      desk.run([&, turns = 0]() mutable { return turns++ == 1; });
    }
    for (const auto& caller : all) caller->ticket.reset();
    CHECK(desk.dialer().running() == 0);
    CHECK(desk.dialer().waiting() == 0);
  }
}

TEST_CASE("dialer: a client that waits too long, or finds no room, is told so") {
  Plan plan;
  plan.max_dials = 1;
  plan.dial_queue = 1;
  plan.dial_wait = std::chrono::milliseconds(100);
  // The broker's TLS never ends, so that the first dial holds its place.
  plan.broker_tls = tls::test::load(tls::test::pki().client());
  Site site(std::move(plan));
  Peer first = site.connect();
  first.send(wire::connect());
  const Peer broker = site.broker.accept();
  wire::Connect hello;
  std::string waited;
  std::string full;
  SUBCASE("3.1.1") {
    waited = wire::connack(wire::v3_1_1, 3);
    full = wire::connack(wire::v3_1_1, 3);
  }
  SUBCASE("5.0") {
    hello.level = wire::v5;
    waited = wire::connack(wire::v5, 0x88);
    full = wire::connack(wire::v5, 0x89);
  }
  Peer second = site.connect();
  second.send(wire::connect(hello));
  // Nothing tells that it waits; where the third comes first, the two change their places.
  Peer third = site.connect();
  third.send(wire::connect(hello));
  const std::string two = second.receive_all();
  const std::string three = third.receive_all();
  CHECK(((two == waited && three == full) || (two == full && three == waited)));
  site.log.wait("refusal broker.queue");
  site.log.wait("refusal broker.queue-full");
  CHECK(site.log.count("dial failed") == 0);  // it says nothing about the broker
  CHECK_FALSE(site.broker.dialled());
}

TEST_CASE("dialer: time in the queue is not the broker's") {
  Plan plan;
  plan.max_dials = 1;
  plan.broker_tls = tls::test::load(tls::test::pki().client());
  Site site(std::move(plan));
  Peer first = site.connect();
  first.send(wire::connect());
  {
    const Peer broker = site.broker.accept();
    Peer second = site.connect();
    second.send(wire::connect());
    // The first dial fails when the broker goes, and the second one takes its place.
  }
  CHECK(first.receive_all() == wire::connack(wire::v3_1_1, 3));
  const Peer again = site.broker.accept();
  site.log.wait("dial failed");
}
