// The work pool: jobs run once, in order, are refused when too many wait, and are not heard of
// again once their ticket is gone. No test depends on how fast a thread is: jobs wait at gates.

#include "net/work_pool.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "net/timers.h"

using namespace sallyport;
using namespace sallyport::net;

namespace {

/// Holds a job until the test opens it.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++reached_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  /// Waits until so many jobs have come.
  void wait_reached(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reached_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int reached_ = 0;
};

/// What became of the jobs of a test.
struct Tally {
  std::atomic<int> ran = 0;
  std::atomic<int> destroyed = 0;
  std::vector<int> finished{};  // loop's thread
};

struct CountedJob final : WorkPool::Job {
  CountedJob(Tally& of, int what, Gate* at = nullptr) : tally(of), number(what), gate(at) {}
  ~CountedJob() override { ++tally.destroyed; }
  void run() override {
    ran_on = std::this_thread::get_id();
    if (gate != nullptr) gate->pass();
    ++tally.ran;
  }
  void finish() override {
    CHECK(ran_on != std::this_thread::get_id());
    tally.finished.push_back(number);
    if (then) then();
  }
  Tally& tally;
  const int number;
  Gate* gate;
  std::thread::id ran_on{};
  std::function<void()> then{};
};

/// A loop with a port. The loop runs until the port is closed.
struct Site {
  explicit Site(WorkPool::Settings settings = {.threads = 1, .queue = 8})
      : pool(WorkPool::make(settings).value()), loop(Loop::make().value()) {
    port.emplace(*pool);
    REQUIRE(port->open(*loop) == 0);
  }
  ~Site() {
    close();
    loop->run();
  }
  std::unique_ptr<CountedJob> job(int number, Gate* gate = nullptr) {
    return std::make_unique<CountedJob>(tally, number, gate);
  }
  void close() {
    if (!std::exchange(closed, true)) port->close();
  }

  Tally tally;
  std::unique_ptr<WorkPool> pool;
  std::unique_ptr<Loop> loop;
  std::optional<WorkPool::Port> port;
  bool closed = false;
};

}  // namespace

TEST_CASE("work pool: jobs run on another thread and finish on the loop, in order") {
  Site site;
  std::vector<WorkPool::Ticket> tickets;
  for (int i = 0; i < 5; ++i) {
    auto job = site.job(i);
    if (i == 4) job->then = [&] { site.close(); };
    tickets.push_back(site.port->submit(std::move(job)));
    CHECK(tickets.back());
    CHECK(site.tally.finished.empty());
  }
  site.loop->run();
  CHECK(site.tally.finished == std::vector<int>{0, 1, 2, 3, 4});
  CHECK(site.tally.ran == 5);
  CHECK(site.tally.destroyed == 5);
}

TEST_CASE("work pool: a full queue refuses at once, and has room again later") {
  Site site({.threads = 1, .queue = 2});
  Gate gate;
  std::vector<WorkPool::Ticket> tickets;
  tickets.push_back(site.port->submit(site.job(0, &gate)));
  gate.wait_reached(1);  // that one waits no more
  tickets.push_back(site.port->submit(site.job(1)));
  tickets.push_back(site.port->submit(site.job(2)));
  CHECK(site.pool->waiting() == 2);
  CHECK_FALSE(site.port->submit(site.job(3)));
  CHECK(site.tally.destroyed == 1);
  tickets[1] = {};
  auto last = site.job(4);
  last->then = [&] { site.close(); };
  tickets.push_back(site.port->submit(std::move(last)));
  CHECK(tickets.back());
  gate.open();
  site.loop->run();
  CHECK(site.tally.finished == std::vector<int>{0, 2, 4});
  CHECK(site.tally.ran == 3);
}

TEST_CASE("work pool: a job that has not begun never runs once its ticket is gone") {
  Site site;
  Gate gate;
  const WorkPool::Ticket first = site.port->submit(site.job(0, &gate));
  gate.wait_reached(1);
  { const WorkPool::Ticket cancelled = site.port->submit(site.job(1)); }
  CHECK(site.tally.destroyed == 1);  // at once: what it knew is wiped
  CHECK(site.pool->waiting() == 0);
  auto last = site.job(2);
  last->then = [&] { site.close(); };
  const WorkPool::Ticket second = site.port->submit(std::move(last));
  gate.open();
  site.loop->run();
  CHECK(site.tally.finished == std::vector<int>{0, 2});
  CHECK(site.tally.ran == 2);
}

TEST_CASE("work pool: a job that runs ends, and is not heard of once its ticket is gone") {
  Site site;
  Gate gate;
  {
    const WorkPool::Ticket cancelled = site.port->submit(site.job(0, &gate));
    gate.wait_reached(1);
  }
  CHECK(site.tally.destroyed == 0);
  auto last = site.job(1);
  last->then = [&] { site.close(); };
  const WorkPool::Ticket ticket = site.port->submit(std::move(last));
  gate.open();
  site.loop->run();
  CHECK(site.tally.finished == std::vector<int>{1});
  CHECK(site.tally.ran == 2);
  CHECK(site.tally.destroyed == 2);
}

TEST_CASE("work pool: a job that has ended is not heard of once its ticket is gone") {
  Site site;
  WorkPool::Ticket second;
  auto first = site.job(0);
  first->then = [&] { second = {}; };
  WorkPool::Ticket own = site.port->submit(std::move(first));
  second = site.port->submit(site.job(1));
  while (site.tally.ran != 2) std::this_thread::yield();
  auto last = site.job(2);
  last->then = [&] {
    own = {};
    site.close();
  };
  own = site.port->submit(std::move(last));  // the first is cancelled by this
  site.loop->run();
  CHECK(site.tally.finished == std::vector<int>{1, 2});
}

TEST_CASE("work pool: finish() may destroy its own ticket and others") {
  Site site;
  WorkPool::Ticket own;
  WorkPool::Ticket other;
  auto first = site.job(0);
  first->then = [&] {
    own = {};
    other = {};
    site.close();
  };
  own = site.port->submit(std::move(first));
  other = site.port->submit(site.job(1));
  while (site.tally.ran != 2) std::this_thread::yield();
  site.loop->run();
  CHECK(site.tally.finished == std::vector<int>{0});
  while (site.tally.destroyed != 2) std::this_thread::yield();
}

TEST_CASE("work pool: a port that closes is not called any more, whatever its jobs do") {
  Gate gate;
  Site site({.threads = 2, .queue = 8});
  std::vector<WorkPool::Ticket> tickets;
  for (int i = 0; i < 2; ++i) tickets.push_back(site.port->submit(site.job(i, &gate)));
  gate.wait_reached(2);
  for (int i = 2; i < 5; ++i) tickets.push_back(site.port->submit(site.job(i)));
  site.close();
  CHECK(site.tally.destroyed == 3);
  CHECK_FALSE(site.port->submit(site.job(9)));
  gate.open();
  site.loop->run();
  tickets.clear();
  site.port.reset();
  site.pool.reset();
  CHECK(site.tally.ran == 2);
  CHECK(site.tally.destroyed == 6);
  CHECK(site.tally.finished.empty());
}

TEST_CASE("work pool: it ends in order, with jobs that wait and jobs that run") {
  for (int round = 0; round < 50; ++round) {
    Site site({.threads = 3, .queue = 100});
    std::vector<WorkPool::Ticket> tickets;
    for (int i = 0; i < 50; ++i) tickets.push_back(site.port->submit(site.job(i)));
    if (round % 2 == 0) tickets.clear();
    site.close();
    tickets.clear();
    site.loop->run();
    site.port.reset();
    site.pool.reset();
    CHECK(site.tally.destroyed == 50);
  }
}

TEST_CASE("work pool: several loops, that submit and cancel at the same time") {
  const auto pool = WorkPool::make({.threads = 3, .queue = 32}).value();
  std::atomic<int> finished = 0;
  std::atomic<int> cancelled = 0;
  std::atomic<int> refused = 0;
  /// Goes on until it has asked often enough; every third request is withdrawn.
  struct Asker final : private Timer::Handler {
    Asker(WorkPool& of, std::atomic<int>& done, std::atomic<int>& gone, std::atomic<int>& no)
        : loop(Loop::make().value()),
          port(of),
          finished(done),
          cancelled(gone),
          refused(no),
          timer(timers, *this) {}
    struct Ask final : WorkPool::Job {
      explicit Ask(Asker& of) : asker(of) {}
      void run() override {
        for (int i = 0; i < 100; ++i) sum = sum * 31 + static_cast<unsigned>(i);
      }
      void finish() override {
        ++asker.answers;
        ++asker.finished;
      }
      Asker& asker;
      unsigned sum = 0;
    };
    void on_timer(Instant now) override {
      for (int i = 0; i < 20 && asked < 2000; ++i, ++asked) {
        WorkPool::Ticket ticket = port.submit(std::make_unique<Ask>(*this));
        if (!ticket) {
          ++refused;
        } else if (asked % 3 == 0) {
          ++cancelled;
        } else {
          tickets.push_back(std::move(ticket));
        }
      }
      if (asked < 2000 || answers < tickets.size()) {
        timer.set(now + std::chrono::milliseconds(1));  // the loop has a turn for answers
      } else {
        port.close();
        timers.close();
      }
    }
    void run() {
      REQUIRE(timers.open(*loop) == 0);
      REQUIRE(port.open(*loop) == 0);
      timer.set(Loop::now());
      loop->run();
    }
    std::unique_ptr<Loop> loop;
    WorkPool::Port port;
    std::atomic<int>& finished;
    std::atomic<int>& cancelled;
    std::atomic<int>& refused;
    Timers timers;
    Timer timer;
    std::vector<WorkPool::Ticket> tickets{};
    int asked = 0;
    std::size_t answers = 0;
  };
  std::vector<std::unique_ptr<Asker>> askers;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    askers.push_back(std::make_unique<Asker>(*pool, finished, cancelled, refused));
  }
  for (const auto& asker : askers) threads.emplace_back([&asker] { asker->run(); });
  for (std::thread& thread : threads) thread.join();
  CHECK(finished + cancelled + refused == 6000);
  CHECK(finished > 0);
  CHECK(cancelled > 0);
  askers.clear();
}
