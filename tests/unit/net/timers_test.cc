#include "net/timers.h"

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "loopback.h"

using namespace sallyport;
using namespace sallyport::net;

namespace {

Instant at(int seconds) { return Instant(std::chrono::seconds(seconds)); }

/// A timer that writes down when it fired, and then may set itself again.
struct Probe final : private Timer::Handler {
  explicit Probe(Timers& timers) : timer(timers, *this) {}
  void on_timer(Instant now) override {
    fired.push_back(now);
    if (again != kNever) timer.set(std::exchange(again, kNever));
  }
  Timer timer;
  std::vector<Instant> fired;
  Instant again = kNever;
};

}  // namespace

TEST_CASE("timers: fire in time and once") {
  Timers timers;
  Probe a(timers);
  Probe b(timers);
  CHECK(timers.next() == kNever);
  a.timer.set(at(5));
  b.timer.set(at(3));
  CHECK(timers.next() == at(3));
  timers.fire(at(2));
  CHECK(a.fired.empty());
  CHECK(b.fired.empty());
  timers.fire(at(3));
  CHECK(b.fired == std::vector{at(3)});
  timers.fire(at(9));
  CHECK(a.fired == std::vector{at(9)});
  CHECK(b.fired.size() == 1);
  CHECK(timers.size() == 0);
}

TEST_CASE("timers: moving later costs nothing until the old time, moving earlier counts at once") {
  Timers timers;
  Probe a(timers);
  a.timer.set(at(5));
  a.timer.set(at(100));
  CHECK(timers.next() == at(5));  // the heap has not been touched
  timers.fire(at(50));
  CHECK(a.fired.empty());
  CHECK(timers.next() == at(100));
  a.timer.set(at(60));
  CHECK(timers.next() == at(60));
  timers.fire(at(60));
  CHECK(a.fired.size() == 1);
}

TEST_CASE("timers: never means never, and costs no slot for ever") {
  Timers timers;
  Probe a(timers);
  a.timer.set(kNever);
  CHECK(timers.size() == 0);
  a.timer.set(at(5));
  a.timer.set(kNever);
  timers.fire(at(5));
  CHECK(a.fired.empty());
  CHECK(timers.size() == 0);
}

TEST_CASE("timers: a handler may set its timer again; the past waits for the next round") {
  Timers timers;
  Probe a(timers);
  a.timer.set(at(1));
  a.again = at(0);
  timers.fire(at(2));
  CHECK(a.fired.size() == 1);
  timers.fire(at(2));
  CHECK(a.fired.size() == 2);
}

TEST_CASE("timers: a handler may destroy timers, its own too") {
  struct Killer final : Timer::Handler {
    void on_timer(Instant) override { victims.clear(); }
    std::vector<std::unique_ptr<Timer>> victims;
  };
  Timers timers;
  Killer killer;
  for (int i = 0; i < 10; ++i) {
    killer.victims.push_back(std::make_unique<Timer>(timers, killer));
    killer.victims.back()->set(at(i));
  }
  timers.fire(at(20));
  CHECK(killer.victims.empty());
  CHECK(timers.size() == 0);
}

TEST_CASE("timers: a thousand of them in the order of their times, whatever is moved or removed") {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> seconds(1, 500);
  Timers timers;
  std::vector<std::unique_ptr<Probe>> probes;
  for (int i = 0; i < 1000; ++i) {
    probes.push_back(std::make_unique<Probe>(timers));
    probes.back()->timer.set(at(seconds(random)));
  }
  for (int i = 0; i < 3000; ++i) {
    probes[random() % probes.size()]->timer.set(at(seconds(random)));
    if (i % 10 == 0) {
      std::swap(probes[random() % probes.size()], probes.back());
      probes.pop_back();
    }
  }
  std::vector<Instant> wanted;
  for (const auto& probe : probes) wanted.push_back(probe->timer.at());
  for (int now = 0; now <= 500; ++now) timers.fire(at(now));
  for (std::size_t i = 0; i < probes.size(); ++i) {
    REQUIRE(probes[i]->fired == std::vector{wanted[i]});
  }
  CHECK(timers.size() == 0);
}

TEST_CASE("timers: one libuv timer carries them, and an earlier one arms it anew") {
  TestLoop loop;
  Probe far(loop.timers());
  Probe near(loop.timers());
  const Instant start = Loop::now();
  far.timer.set(start + std::chrono::hours(1));
  near.timer.set(start + std::chrono::milliseconds(2));
  loop.until([&] { return !near.fired.empty(); });
  CHECK(near.fired.front() >= start + std::chrono::milliseconds(2));
  CHECK(far.fired.empty());
}
