// RateMeter: conversations worked out by hand, a bucket that is filled nanosecond by nanosecond,
// and the ends of every range.
#include <algorithm>
#include <limits>
#include <random>

#include "given.h"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

RateLimit of_messages(std::uint64_t count, Duration per, std::uint64_t burst) {
  RateLimit limit;
  limit.messages = Rate{count, per};
  limit.burst = burst;
  limit.precompute();
  return limit;
}
RateLimit of_bytes(std::uint64_t count, Duration per, std::uint64_t burst) {
  RateLimit limit;
  limit.bytes = Rate{count, per};
  limit.byte_burst = burst;
  limit.precompute();
  return limit;
}

/// A meter with its limit and a clock.
struct Tap {
  explicit Tap(RateLimit of, Instant begin = {}) : limit(std::move(of)), now(begin) {}

  RateLimit limit;
  Instant now;
  RateMeter meter;

  bool takes(std::uint64_t bytes = 1) {
    if (meter.wait(limit, bytes, now) != Duration::zero()) return false;
    meter.charge(limit, bytes, now);
    return true;
  }
  [[nodiscard]] Duration wait(std::uint64_t bytes = 1) const {
    return meter.wait(limit, bytes, now);
  }
  /// What fits() says. It must not say so where the message has to wait, and must leave behind
  /// what charge() does.
  [[nodiscard]] bool fits(std::uint64_t bytes = 1) const {
    RateMeter::Times after;
    if (!meter.fits(limit, bytes, now, after)) return false;
    REQUIRE(wait(bytes) == Duration::zero());
    RateMeter charged;
    charged.set(meter.times());
    charged.charge(limit, bytes, now);
    REQUIRE(after == charged.times());
    return true;
  }
  int takes_all() {
    int count = 0;
    while (count < 1'000'000 && takes()) ++count;
    return count;
  }
};

TEST_CASE("20/s with a burst of 40") {
  Tap tap{of_messages(20, seconds(1), 40)};
  CHECK(tap.takes_all() == 40);
  CHECK(tap.wait() == milliseconds(50));
  tap.now += milliseconds(50) - nanoseconds(1);
  CHECK(tap.wait() == nanoseconds(1));
  tap.now += nanoseconds(1);
  CHECK(tap.takes());
  CHECK_FALSE(tap.takes());
  tap.now += milliseconds(120);  // two, and two fifths of one
  CHECK(tap.takes_all() == 2);
  CHECK(tap.wait() == milliseconds(30));
  tap.now += seconds(2);  // exactly full again
  CHECK(tap.takes_all() == 40);
  tap.now += hours(24 * 365);  // and never more than full
  CHECK(tap.takes_all() == 40);
}

TEST_CASE("a rate that does not divide a second loses less than a nanosecond a message") {
  Tap tap{of_messages(3, seconds(1), 2)};
  CHECK(tap.takes_all() == 2);
  CHECK(tap.wait() == nanoseconds(333'333'334));
  int taken = 2;
  while (tap.now < Instant(seconds(1000))) {
    tap.now += tap.wait();
    if (tap.takes()) ++taken;
  }
  // Two at 0, then after every 333,333,334 ns; without rounding the last one were at 1000 s sharp.
  CHECK((tap.now == Instant(seconds(1000)) + nanoseconds(2000)));
  CHECK(taken == 3002);
}

TEST_CASE("no more messages than nanoseconds") {
  Tap tap{of_messages(3'000'000'000, seconds(1), 5)};
  CHECK(tap.takes_all() == 5);
  CHECK(tap.wait() == nanoseconds(1));
  tap.now += nanoseconds(1);
  CHECK(tap.takes_all() == 1);
  tap.now += nanoseconds(7);
  CHECK(tap.takes_all() == 5);
}

TEST_CASE("bytes cost what they cost by themselves, rounded up") {
  std::mt19937_64 random(5);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t count = 1 + (random() >> (28 + random() % 36));  // up to 64 GiB
    const std::uint64_t per = 1 + (random() >> (20 + random() % 40));    // up to 4.9 h
    const std::uint64_t amount = random() >> (36 + random() % 28);       // up to 256 MiB
    const RateLimit limit = of_bytes(count, Duration(static_cast<std::int64_t>(per)), 1);
    __extension__ using Wide = unsigned __int128;
    const Wide exact = (Wide{amount} * per + count - 1) / count;
    REQUIRE(limit.byte_pace.cost(amount) ==
            (exact > Pace::kLongest ? Pace::kLongest : static_cast<std::uint64_t>(exact)));
  }
}

TEST_CASE("64 KiB/s") {
  Tap tap{of_bytes(65'536, seconds(1), 65'536)};
  CHECK(tap.takes(65'536));
  CHECK(tap.wait(1) == nanoseconds(15'259));  // 1 s / 65536, rounded up
  CHECK(tap.wait(65'536) == seconds(1));
  CHECK(tap.wait(0) == Duration::zero());
  tap.now += milliseconds(500);
  CHECK(tap.takes(32'768));
  CHECK_FALSE(tap.takes(1));
}

TEST_CASE("a packet larger than the burst passes when the budget is full, and is paid for") {
  Tap tap{of_bytes(1000, seconds(1), 1000)};
  CHECK(tap.takes(3000));
  CHECK(tap.wait(1) == milliseconds(2001));
  CHECK(tap.wait(5000) == seconds(3));
  tap.now += milliseconds(2001);
  CHECK(tap.takes(1));
  CHECK(tap.wait(1001) == seconds(1));  // full only then
  tap.now += seconds(1);
  CHECK(tap.takes(1001));
}

TEST_CASE("messages and bytes must both fit, and the longer wait counts") {
  RateLimit limit = of_messages(10, seconds(1), 10);
  limit.bytes = Rate{1000, seconds(1)};
  limit.byte_burst = 1000;
  limit.precompute();
  Tap tap{limit};
  CHECK(tap.takes(1000));
  CHECK(tap.wait(100) == milliseconds(100));
  CHECK(tap.wait(0) == Duration::zero());
  for (int i = 0; i < 9; ++i) CHECK(tap.takes(0));
  CHECK(tap.wait(0) == milliseconds(100));
  CHECK(tap.wait(500) == milliseconds(500));
}

TEST_CASE("a limit of nothing lets everything pass") {
  RateLimit nothing;
  nothing.precompute();
  Tap tap{nothing};
  for (int i = 0; i < 100; ++i) CHECK(tap.takes(std::numeric_limits<std::uint64_t>::max()));
}

TEST_CASE("a limit that nobody has worked out lets nothing pass") {
  RateLimit limit;
  limit.messages = Rate{20, seconds(1)};
  const Tap tap{limit};
  CHECK_FALSE(tap.fits());
  CHECK(tap.wait() == Duration::max());
}

TEST_CASE("other numbers: what is owed stays owed, up to the new burst") {
  Tap tap{of_messages(1, hours(1), 100)};
  CHECK(tap.takes_all() == 100);
  CHECK(tap.meter.debt(tap.now) == hours(100));
  const RateLimit faster = of_messages(20, seconds(1), 40);
  tap.meter.limit_debt(faster, tap.now);
  tap.limit = faster;
  CHECK(tap.meter.debt(tap.now) == seconds(2));
  CHECK(tap.wait() == milliseconds(50));
  // And back: two seconds of the hundred hours.
  tap.limit = of_messages(1, hours(1), 100);
  tap.meter.limit_debt(tap.limit, tap.now);
  CHECK(tap.takes_all() == 99);
  // No rate of messages any more, and none of bytes yet.
  tap.limit = of_bytes(10, seconds(1), 10);
  tap.meter.limit_debt(tap.limit, tap.now);
  CHECK(tap.takes(10));
  CHECK(tap.wait(1) == milliseconds(100));
}

TEST_CASE("asking does not charge") {
  const Tap tap{of_messages(1, seconds(1), 1)};
  for (int i = 0; i < 10; ++i) CHECK(tap.wait() == Duration::zero());
}

TEST_CASE("time that stands still, starts at 0, below 0 or goes back") {
  for (const Instant start :
       {Instant{}, Instant(seconds(-5)), Instant::min(), Instant(hours(1'000'000))}) {
    Tap tap{of_messages(2, seconds(1), 3), start};
    CHECK(tap.takes_all() == 3);
    CHECK(tap.takes_all() == 0);  // still the same instant
    CHECK(tap.wait() == milliseconds(500));
    if (start > Instant::min()) {
      tap.now -= nanoseconds(1);
      CHECK(tap.wait() == milliseconds(500) + nanoseconds(1));
      tap.now += nanoseconds(1);
    }
    tap.now += milliseconds(500);
    CHECK(tap.takes_all() == 1);
  }
}

TEST_CASE("charging what does not fit uses the budget up and no further") {
  Tap tap{of_messages(1, seconds(1), 2)};
  for (int i = 0; i < 1000; ++i) tap.meter.charge(tap.limit, 1, tap.now);
  CHECK(tap.wait() == seconds(1));
  Tap bytes{of_bytes(10, seconds(1), 10)};
  CHECK(bytes.takes(1));
  for (int i = 0; i < 1000; ++i) bytes.meter.charge(bytes.limit, 500, bytes.now);
  CHECK(bytes.wait(10) == seconds(1));
}

std::uint64_t nanoseconds_of(const Rate& rate, std::uint64_t amount) {
  const auto per = static_cast<std::uint64_t>(rate.per.count());
  return (amount * per + rate.count - 1) / rate.count;
}

/// The plain way: a bucket into which one nanosecond falls every nanosecond.
class Bucket {
 public:
  explicit Bucket(std::uint64_t capacity) : capacity_(capacity), level_(capacity) {}
  void pass_nanosecond() {
    if (debt_ > 0) {
      --debt_;
    } else {
      level_ = std::min(level_ + 1, capacity_);
    }
  }
  [[nodiscard]] bool fits(std::uint64_t cost) const {
    return debt_ == 0 && (cost > capacity_ ? level_ == capacity_ : level_ >= cost);
  }
  void take(std::uint64_t cost) {
    debt_ += cost - std::min(cost, level_);
    level_ -= std::min(cost, level_);
  }

 private:
  std::uint64_t capacity_, level_, debt_ = 0;
};

TEST_CASE("the meter is a bucket that is filled nanosecond by nanosecond") {
  std::mt19937 random(7);
  const auto up_to = [&random](std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(0, most)(random);
  };
  for (int round = 0; round < 400; ++round) {
    RateLimit limit =
        of_messages(1 + up_to(9), Duration(1 + static_cast<int>(up_to(40))), 1 + up_to(5));
    limit.bytes = Rate{1 + up_to(20), Duration(1 + static_cast<int>(up_to(40)))};
    limit.byte_burst = 1 + up_to(30);
    limit.precompute();
    Tap tap{limit, Instant(Duration(static_cast<int>(up_to(100)) - 50))};
    const std::uint64_t message = nanoseconds_of(*limit.messages, 1);
    const std::uint64_t byte_capacity = nanoseconds_of(*limit.bytes, limit.byte_burst);
    Bucket messages(message * limit.burst);
    Bucket bytes(byte_capacity);
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t size = up_to(limit.byte_burst + 10);
      const std::uint64_t cost = nanoseconds_of(*limit.bytes, size);
      Bucket later_messages = messages;
      Bucket later_bytes = bytes;
      Duration expected{};
      while (!(later_messages.fits(message) && later_bytes.fits(cost))) {
        later_messages.pass_nanosecond();
        later_bytes.pass_nanosecond();
        ++expected;
      }
      REQUIRE(tap.wait(size) == expected);
      // What is larger than the whole budget is left to wait().
      REQUIRE(tap.fits(size) == (expected == Duration::zero() && cost <= byte_capacity));
      if (expected == Duration::zero()) {
        tap.meter.charge(limit, size, tap.now);
        messages.take(message);
        bytes.take(cost);
      }
      const bool jump = expected > Duration::zero() && up_to(1) == 0;
      const auto pause = jump ? static_cast<std::uint64_t>(expected.count()) : up_to(20);
      for (std::uint64_t i = 0; i < pause; ++i) {
        messages.pass_nanosecond();
        bytes.pass_nanosecond();
      }
      tap.now += Duration(static_cast<std::int64_t>(pause));
    }
  }
}

TEST_CASE("no value overflows") {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t counts[] = {1, 2, 1'000'000'007, kMost / 2, kMost - 1, kMost};
  const Duration periods[] = {Duration(1), Duration(999'999'937), Duration::max()};
  const std::uint64_t bursts[] = {1, 3, kMost / 2, kMost};
  const std::uint64_t sizes[] = {0, 1, 4096, kMost / 2, kMost};
  std::size_t exact = 0;
  std::size_t taken = 0;
  const Instant starts[] = {Instant::min(),      Instant(Duration(-1)),       Instant{},
                            Instant(seconds(1)), Instant::max() - seconds(1), Instant::max()};
  for (const auto count : counts) {
    for (const auto per : periods) {
      for (const auto burst : bursts) {
        for (const auto start : starts) {
          RateLimit limit = of_messages(count, per, burst);
          limit.bytes = Rate{count, per};
          limit.byte_burst = burst;
          limit.precompute();
          Tap tap{limit, start};
          for (int i = 0; i < 8; ++i) {
            for (const auto size : sizes) {
              const Duration wait = tap.wait(size);
              REQUIRE(wait >= Duration::zero());
              if (tap.fits(size)) ++taken;
              // Adding it must not overflow; whoever waits adds.
              REQUIRE(wait <= Duration::max());
              if (tap.now >= Instant{}) {
                REQUIRE(wait <= Instant::max() - tap.now);
              }
              tap.meter.charge(limit, size, tap.now);
              // When it says that it will fit, it fits; unless it says that it never will, which
              // is to wait until the end of time.
              const Duration again = tap.wait(size);
              if (again == Duration::zero() || again == Duration::max()) continue;
              const Instant then = tap.now + again;
              if (then < Instant{}) continue;
              if (tap.meter.wait(limit, size, then) == Instant::max() - then) continue;
              REQUIRE(tap.meter.wait(limit, size, then) == Duration::zero());
              REQUIRE(tap.meter.wait(limit, size, then - nanoseconds(1)) == nanoseconds(1));
              ++exact;
            }
          }
        }
      }
    }
  }
  CHECK(exact > 100);
  CHECK(taken > 100);
}

TEST_CASE("a budget beyond the end of time is not lent without end") {
  // One a year, and a thousand at once: a hundred years are the most.
  Tap tap{of_messages(1, hours(24 * 365), 1000)};
  CHECK(tap.takes_all() == 100);
  // And what is behind the end of time, never.
  Tap late{of_messages(1, hours(1), 10), Instant::max() - hours(3)};
  CHECK(late.takes_all() == 3);
}

TEST_CASE("a limit that allows nothing lets nothing pass") {
  for (const Rate rate : {Rate{0, seconds(1)}, Rate{1, Duration::zero()}, Rate{1, seconds(-1)}}) {
    RateLimit limit;
    limit.messages = rate;
    limit.precompute();
    Tap tap{limit};
    CHECK_FALSE(tap.takes());
    CHECK_FALSE(tap.fits());
    CHECK(tap.wait() == Duration::max());
    tap.meter.charge(limit, 1, tap.now);
    CHECK_FALSE(tap.takes());
  }
}

TEST_CASE("actions have names") {
  CHECK(to_string(Action::drop) == "drop");
  CHECK(to_string(Action::disconnect) == "disconnect");
  CHECK(to_string(Action::report) == "report");
  CHECK(to_string(Action::throttle) == "throttle");
}

}  // namespace
}  // namespace sallyport
