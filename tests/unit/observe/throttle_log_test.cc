#include "observe/throttle_log.h"

#include <doctest/doctest.h>

#include "support.h"

namespace sallyport::observe {

namespace {

using namespace std::chrono_literals;

constexpr std::int64_t operator""_s(unsigned long long seconds) {
  return static_cast<std::int64_t>(seconds) * 1'000'000'000;
}

std::vector<std::string> swept(ThrottleLog& log, std::int64_t now) {
  std::vector<std::string> lines;
  log.sweep(now, [&](std::unique_ptr<AuditRecord> record) {
    lines.push_back(testing::line_of(*record));
  });
  return lines;
}

bool add(ThrottleLog& log, std::uint64_t session, std::string_view cause, std::int64_t now,
         Duration pause = 1s) {
  static const Identity who = testing::sensor();
  return log.add({.session = session, .identity = who}, Side::client, {cause, true}, pause, now);
}

}  // namespace

TEST_CASE("a spell lasts from the first pause until it was quiet for long enough") {
  ThrottleLog log(10s);
  CHECK(add(log, 1, "a", 0));
  CHECK_FALSE(add(log, 1, "a", 5_s));
  CHECK_FALSE(add(log, 1, "a", 9_s, 2s));
  CHECK(swept(log, 15_s).empty());
  CHECK(swept(log, 20_s).empty());  // the last pause ended at 11 s
  CHECK(log.size() == 1);
  const auto lines = swept(log, 30_s);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("\"count\":3,\"throttled_seconds\":4.0,\"duration_seconds\":11.0}") !=
        std::string::npos);
  CHECK(log.size() == 0);
  CHECK(swept(log, 100_s).empty());
  CHECK(add(log, 1, "a", 101_s));
}

TEST_CASE("sessions and causes have spells of their own, and a session's end ends its own") {
  ThrottleLog log(10s);
  CHECK(add(log, 1, "a", 0));
  CHECK(add(log, 1, "b", 0));
  CHECK(add(log, 2, "a", 0));
  int ended = 0;
  log.end_session(1, 3_s, [&](std::unique_ptr<AuditRecord>) { ++ended; });
  CHECK(ended == 2);
  log.end_session(1, 3_s, [&](std::unique_ptr<AuditRecord>) { ++ended; });
  CHECK(ended == 2);
  CHECK(log.size() == 1);
  CHECK(swept(log, 60_s).size() == 1);
}

TEST_CASE("the causes of one session are bounded") {
  ThrottleLog log(10s);
  int begun = 0;
  for (int i = 0; i < 1000; ++i) begun += add(log, 1, "rule-" + std::to_string(i), 0) ? 1 : 0;
  CHECK(begun == ThrottleLog::kMaxCauses);
  CHECK(log.size() == ThrottleLog::kMaxCauses);
}

}  // namespace sallyport::observe
