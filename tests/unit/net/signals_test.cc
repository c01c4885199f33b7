#include "net/signals.h"

#include <array>
#include <csignal>
#include <vector>

#include <pthread.h>

#include "loopback.h"

using namespace sallyport;
using namespace sallyport::net;

namespace {

// They are raised for this thread alone: a thread that libuv has begun before does not block them.
constexpr std::array kNumbers = {SIGHUP, SIGUSR1, SIGTERM};

struct Blocked {
  Blocked() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : kNumbers) sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, &before);
  }
  ~Blocked() {
    // What a failed test has left would end the next one.
    for (const int number : kNumbers) std::signal(number, SIG_IGN);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    for (const int number : kNumbers) std::signal(number, SIG_DFL);
  }
  sigset_t before;
};

struct Seen final : Signals::Handler {
  void on_signal(int number) override {
    numbers.push_back(number);
    if (closes != nullptr) closes->close();
  }
  std::vector<int> numbers;
  Signals* closes = nullptr;
};

}  // namespace

TEST_CASE("signals: what was sent before open() is remembered, once for each number") {
  const Blocked blocked;
  TestLoop loop;
  Seen seen;
  Signals signals(seen);
  for (int i = 0; i < 3; ++i) raise(SIGHUP);
  raise(SIGTERM);
  REQUIRE(signals.open(*loop, kNumbers) == 0);
  loop.round();
  CHECK(seen.numbers == std::vector<int>{SIGHUP, SIGTERM});
  signals.close();
}

TEST_CASE("signals: a flood of one does not hold up another") {
  const Blocked blocked;
  TestLoop loop;
  Seen seen;
  Signals signals(seen);
  REQUIRE(signals.open(*loop, kNumbers) == 0);
  for (int i = 0; i < 10'000; ++i) raise(SIGHUP);
  raise(SIGTERM);
  loop.round();
  CHECK(seen.numbers == std::vector<int>{SIGHUP, SIGTERM});
  raise(SIGHUP);
  loop.round();
  CHECK(seen.numbers.size() == 3);
  signals.close();
}

TEST_CASE("signals: a handler may close them, and what comes then waits and ends nothing") {
  const Blocked blocked;
  TestLoop loop;
  Seen seen;
  Signals signals(seen);
  seen.closes = &signals;
  REQUIRE(signals.open(*loop, kNumbers) == 0);
  raise(SIGUSR1);
  raise(SIGTERM);
  loop.round();
  CHECK(seen.numbers == std::vector<int>{SIGUSR1});
  raise(SIGTERM);
  loop.round();
  CHECK(seen.numbers.size() == 1);
  signals.close();  // a second time does nothing
}
