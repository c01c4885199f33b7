#include "bench/micro/measure.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include <time.h>

#include "bench/micro/allocations.h"
#include "bench/micro/open_session.h"

namespace sallyport::bench {

namespace {

constexpr double kSlice = 20e6;  // nanoseconds

/// What this thread has run: the time for which others had the core does not count.
double cpu_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// About a microsecond of arithmetic that no machine can do in parallel.
class Yardstick final : public Case {
 public:
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) {
      for (int i = 0; i < 512; ++i) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
      }
      keep(state_);
    }
  }

 private:
  std::uint64_t state_ = 0x2545'F491'4F6C'DD1D;
};

double nanoseconds(Case& what, std::uint64_t steps) {
  const double start = cpu_nanoseconds();
  what.run(steps);
  return (cpu_nanoseconds() - start) / static_cast<double>(steps);
}

/// How many steps fill a slice of time.
std::uint64_t calibrate(Case& what) {
  std::uint64_t steps = 1;
  double each = nanoseconds(what, steps);
  while (each * static_cast<double>(steps) < kSlice / 4) {
    steps *= 4;
    each = nanoseconds(what, steps);
  }
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(kSlice / each));
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::vector<Timing> measure_time(std::span<const CaseSpec> cases, unsigned rounds) {
  struct Series {
    std::unique_ptr<Case> what;
    std::uint64_t steps;
    std::vector<double> times, ratios;
  };
  Yardstick yardstick;
  const std::uint64_t yard_steps = calibrate(yardstick);
  std::vector<Series> all;
  for (const CaseSpec& spec : cases) {
    auto what = spec.make(spec.parameter);
    const std::uint64_t steps = calibrate(*what);
    all.push_back({std::move(what), steps, {}, {}});
  }
  for (unsigned round = 0; round < rounds; ++round) {
    for (Series& one : all) {
      const double yard = nanoseconds(yardstick, yard_steps);
      const double time = nanoseconds(*one.what, one.steps);
      one.times.push_back(time);
      one.ratios.push_back(time / yard);
    }
  }
  std::vector<Timing> timings;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto [fastest, slowest] = std::minmax_element(all[i].times.begin(), all[i].times.end());
    const double middle = median(all[i].times);
    const auto together = static_cast<double>(cases[i].together);
    timings.push_back(
        {middle / together, (*slowest - *fastest) / middle, median(all[i].ratios) / together});
  }
  return timings;
}

double measure_allocations(const CaseSpec& spec) {
  constexpr std::uint64_t kSteps = 1000;
  const auto what = spec.make(spec.parameter);
  what->run(kSteps);  // whatever grows only once has grown
  const auto before = allocations();
  what->run(kSteps);
  return static_cast<double>(allocations().count - before.count) /
         static_cast<double>(kSteps * spec.together);
}

std::vector<Footprint> measure_memory() {
  std::vector<Footprint> all;
  const auto add = [&](std::string name, std::string what, std::int64_t bytes) {
    all.push_back({std::move(name), std::move(what), bytes});
  };
  const auto policy = compile(site(50));
  // Many sessions, so that what they share does not count; what is not a session's in OpenSession
  // does not either.
  constexpr std::int64_t kSessions = 100;
  Turn turn;
  std::vector<std::unique_ptr<OpenSession>> sessions;
  sessions.reserve(kSessions);
  const auto before = allocations().live;
  for (std::int64_t i = 0; i < kSessions; ++i) {
    sessions.push_back(std::make_unique<OpenSession>(policy, turn));
  }
  const auto each = (allocations().live - before) / kSessions;
  add("session/idle", "an open idle session of MQTT 3.1.1 with all that it owns",
      each - static_cast<std::int64_t>(sizeof(OpenSession) - sizeof(Session)));
  add("session/own-count", "of that, what Session::memory() counts",
      static_cast<std::int64_t>(sessions.front()->session().memory()));
  sessions.clear();

  for (const std::uint64_t rules : {10U, 1000U, 100'000U}) {
    const auto spec = one_role(rules);
    const auto without = allocations().live;
    const auto compiled = compile(spec);
    add("policy/" + std::to_string(rules), "a compiled policy of so many rules",
        allocations().live - without);
  }
  return all;
}

}  // namespace sallyport::bench
