// The bound over all: how much is written, and who gets it.
#include "observe/audit_budget.h"

#include <set>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "observe/audit_writer.h"
#include "observe/worker_events.h"
#include "support.h"

namespace sallyport::observe {

namespace {

using Json = nlohmann::json;
constexpr std::int64_t kSecond = 1'000'000'000;

Identity at(const std::string& address) {
  Identity who = testing::sensor();
  who.certificate = nullptr;
  who.address = address;
  return who;
}

}  // namespace

TEST_CASE("budget: so much at once, and so much a second from there on") {
  AuditBudget budget(1000, 10'000);
  std::int64_t now = 5 * kSecond;
  CHECK(budget.left(now) == 10'000);
  budget.charge(10'000, now);
  CHECK(budget.left(now) == 0);
  CHECK(budget.left_for_lines(now) < 0);
  now += kSecond;
  CHECK(budget.left(now) == 1000);
  budget.charge(-500, now);
  CHECK(budget.left(now) == 1500);
  budget.charge(20'000, now);
  CHECK(budget.left(now) < 0);
  now += 3600 * kSecond;
  CHECK(budget.left(now) == 10'000);
  CHECK(budget.refill() == 10 * kSecond);
}

TEST_CASE("shares: those who flood share; whoever writes little always finds room") {
  // 1,000 bytes a second, 100,000 at once; lines of 100.
  for (const int floods : {1, 10, 100}) {
    AuditBudget budget(1000, 100'000);
    AuditShares shares(budget.refill());
    std::int64_t now = kSecond;
    std::vector<int> got(static_cast<std::size_t>(floods));
    int quiet = 0;
    int asked = 0;
    const auto ask = [&](std::uint64_t who) {
      if (!shares.take(who, 100, budget.left_for_lines(now), now)) return false;
      budget.charge(100, now);
      return true;
    };
    std::int64_t written = 0;
    for (int tick = 0; tick < 5000; ++tick, now += kSecond / 10) {
      for (int who = 0; who < floods; ++who) {
        for (int i = 0; i < 20; ++i) {
          if (!ask(1000U + static_cast<std::uint64_t>(who))) break;
          ++got[static_cast<std::size_t>(who)];
          written += 100;
        }
      }
      if (tick % 500 != 499) continue;  // one line in fifty seconds
      ++asked;
      if (!ask(7)) continue;
      ++quiet;
      written += 100;
    }
    CHECK(quiet == asked);
    CHECK(written <= 100'000 + 500 * 1000);
    CHECK(written >= 400 * 1000);
    const auto [least, most] = std::minmax_element(got.begin(), got.end());
    CHECK(*most <= 2 * *least + 2);
  }
}

TEST_CASE("a flood from ever new addresses writes no more than it may, and nobody goes uncounted") {
  const testing::TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  const auto log = testing::quiet_log();
  constexpr std::uint32_t kBurst = 256 * 1024;
  constexpr std::uint32_t kRate = 1024;
  auto sink = AuditSink::open(path);
  REQUIRE(sink);
  AuditWriter writer(std::move(*sink),
                     {.target = path,
                      .instance = "gw-1",
                      .queue_capacity = 100'000,
                      .bytes_per_second = kRate,
                      .bytes_burst = kBurst},
                     *log);
  Names names({"devices"});
  WorkerCounters counters(names);
  WorkerEvents worker(names, counters, &writer.queue(0), &writer.waker(), {}, {1, 2});
  REQUIRE(writer.start());
  const std::int64_t begun = steady_nanos();
  constexpr std::uint64_t kFlood = 30'000;
  Refusal refusal = testing::refusal_by("policy.no-role", false);
  refusal.phase = Phase::connect;
  for (std::uint64_t i = 0; i < kFlood; ++i) {
    const Identity who =
        at("2001:db8:" + std::to_string(i % 10'000) + ":" + std::to_string(i / 10'000) + "::1");
    worker.on_refusal({.session = i + 1, .identity = who}, refusal);
    if (i % 1000 == 0) worker.on_heartbeat();
  }
  const double seconds = static_cast<double>(steady_nanos() - begun) / 1e9 + 5;
  CHECK(writer.over_rate() > kFlood / 2);
  worker.flush();
  writer.stop();
  const std::string text = testing::read_all(path);
  // Sums that are written at the end are on top.
  const double most = kBurst + kRate * seconds + (1024 + 256) * 1500.0;
  CHECK(static_cast<double>(text.size()) <= most);
  std::uint64_t told = 0;
  bool everyone = false;
  for (const std::string& line : testing::lines_of(text)) {
    const Json json = Json::parse(line);
    if (json["event"] == "repeated") everyone = everyone || json.contains("addresses");
    told += json["event"] == "repeated" ? json["count"].get<std::uint64_t>()
            : json["event"] == "lost"   ? json["lines"].get<std::uint64_t>()
                                        : 1;
  }
  CHECK(told == kFlood);
  CHECK(everyone);
  CHECK(writer.lost().lines() == 0);
}

TEST_CASE("beside a flood that uses up what may be written, another client has all its lines") {
  const testing::TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  const auto log = testing::quiet_log();
  auto sink = AuditSink::open(path);
  REQUIRE(sink);
  AuditWriter writer(std::move(*sink),
                     {.target = path,
                      .instance = "gw-1",
                      .queue_capacity = 100'000,
                      .bytes_per_second = 64 * 1024,
                      .bytes_burst = 1024 * 1024},
                     *log);
  Names names({"devices"});
  WorkerCounters counters(names);
  // No allowance of its own stops the flood: only the bound over all does.
  const settings::AuditLimits limits{.burst = 1'000'000, .per_second = 1'000'000, .crowd = 1000};
  WorkerEvents worker(names, counters, &writer.queue(0), &writer.waker(), limits, {1, 2});
  REQUIRE(writer.start());
  std::set<std::string> wanted;
  for (int i = 0; i < 50; ++i) {
    for (int k = 0; k < 500; ++k) {
      const Identity noisy = at("192.0.2." + std::to_string(k % 5));
      worker.on_refusal({.session = 1, .identity = noisy}, testing::refusal_by("noise"));
    }
    const Identity quiet = at("198.51.100.7");
    Refusal refusal = testing::refusal_by("valve");
    const std::string topic = "valve/" + std::to_string(i);
    refusal.topic = topic;
    worker.on_refusal({.session = 2, .identity = quiet}, refusal);
    wanted.insert(topic);
  }
  CHECK(writer.over_rate() > 10'000);
  worker.flush();
  writer.stop();
  for (const std::string& line : testing::lines_of(testing::read_all(path))) {
    const Json json = Json::parse(line);
    if (json["event"] == "refusal") wanted.erase(json["topic"].get<std::string>());
  }
  CHECK(wanted.empty());
}

}  // namespace sallyport::observe
