#include "observe/repeat_filter.h"

#include <string>

#include <doctest/doctest.h>

#include "support.h"

namespace sallyport::observe {

namespace {

using Who = RepeatFilter::Who;
constexpr std::int64_t kSecond = 1'000'000'000;

int passed(RepeatFilter& gate, const Identity& who, std::string_view what, int times,
           std::int64_t now, Who kind = Who::client) {
  int n = 0;
  for (int i = 0; i < times; ++i) n += gate.pass(who, kind, what, now) ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE("a flood passes its burst, then so many a second") {
  RepeatFilter gate(1);
  const Identity who = testing::sensor();
  std::int64_t now = 5 * kSecond;
  CHECK(passed(gate, who, "rule", 10'000, now) == RepeatFilter::kBurst);
  CHECK(passed(gate, who, "rule", 10'000, now + kSecond) == RepeatFilter::kPerSecond);
  CHECK(passed(gate, who, "rule", 10'000, now + 2 * kSecond) == RepeatFilter::kPerSecond);
  // Quiet for long enough, it has the burst again, and not more.
  CHECK(passed(gate, who, "rule", 10'000, now + 3600 * kSecond) == RepeatFilter::kBurst);
}

TEST_CASE(
    "a refused client is the same under another client identifier and on another connection") {
  RepeatFilter gate(2);
  Identity who = testing::sensor();
  CHECK(passed(gate, who, "rule", 1000, kSecond) == RepeatFilter::kBurst);
  who.client_id = "sensor-2";
  who.address = "192.0.2.8";
  CHECK(passed(gate, who, "rule", 1000, kSecond) == 0);
  who.certificate = nullptr;
  CHECK(passed(gate, who, "rule", 1000, kSecond) == RepeatFilter::kBurst);
  who.client_id = "sensor-3";
  CHECK(passed(gate, who, "rule", 1000, kSecond) == 0);
}

TEST_CASE("sessions that began are told apart by client identifier") {
  RepeatFilter gate(3);
  Identity who = testing::sensor();
  who.certificate = nullptr;
  CHECK(passed(gate, who, "session_begin", 1000, 0, Who::client_and_identifier) ==
        RepeatFilter::kBurst);
  who.client_id = "sensor-2";
  CHECK(passed(gate, who, "session_begin", 1000, 0, Who::client_and_identifier) ==
        RepeatFilter::kBurst);
}

TEST_CASE("another rule and another client have their own allowance") {
  // 100 pairs in 4,096 places: a few may fall together, most must not.
  RepeatFilter gate(4);
  int full = 0;
  for (int i = 0; i < 100; ++i) {
    Identity who = testing::sensor();
    who.certificate = nullptr;
    who.address = "192.0.2." + std::to_string(i / 2);
    if (passed(gate, who, i % 2 == 0 ? "a" : "b", 1000, 0) == RepeatFilter::kBurst) ++full;
  }
  CHECK(full >= 90);
}

}  // namespace sallyport::observe
