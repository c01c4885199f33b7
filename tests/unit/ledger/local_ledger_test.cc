#include "ledger/local_ledger.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "accounts.h"

namespace sallyport::ledger {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::kBegin;
using test::kKey;
using test::limit_of;
using test::takes_all;

/// A ledger whose admit() is asked under one limit.
struct Gate {
  explicit Gate(Rate rate, std::uint64_t burst, Settings settings = {})
      : limit(limit_of(rate, burst)), ledger(settings, kKey) {}
  bool admit(std::string_view holder, Instant now) {
    return ledger.admit({Scope::client, limit.name, holder}, limit, now);
  }
  RateLimit limit;
  LocalLedger ledger;
};

TEST_CASE("admit: a burst at once, then as often as the rate says") {
  Gate gate({1, seconds(1)}, 5);
  Instant now = kBegin;
  for (int i = 0; i < 5; ++i) CHECK(gate.admit("dev-1", now));
  CHECK_FALSE(gate.admit("dev-1", now));
  // What is refused costs nothing.
  for (int i = 0; i < 100; ++i) CHECK_FALSE(gate.admit("dev-1", now + milliseconds(999)));
  CHECK(gate.admit("dev-1", now + seconds(1)));
  CHECK_FALSE(gate.admit("dev-1", now + seconds(1)));
  CHECK(gate.admit("dev-1", now + seconds(2)));
  // After a rest all of the burst is there, and no more.
  now += seconds(1000);
  for (int i = 0; i < 5; ++i) CHECK(gate.admit("dev-1", now));
  CHECK_FALSE(gate.admit("dev-1", now));
}

TEST_CASE("admit: every client has a budget of its own") {
  Gate gate({1, seconds(60)}, 1);
  CHECK(gate.admit("a", kBegin));
  CHECK(gate.admit("b", kBegin));
  CHECK(gate.admit(std::string_view("a\0", 2), kBegin));
  CHECK(gate.admit("", kBegin));
  CHECK_FALSE(gate.admit("a", kBegin));
  CHECK_FALSE(gate.admit("b", kBegin + seconds(59)));
  CHECK(gate.admit("b", kBegin + seconds(60)));
}

TEST_CASE("admit: fast and slow rates") {
  Gate fast({1'000'000'000, seconds(1)}, 1);
  CHECK(fast.admit("a", kBegin));
  CHECK_FALSE(fast.admit("a", kBegin));
  CHECK(fast.admit("a", kBegin + Duration(1)));
  Gate thirds({3, seconds(1)}, 1);  // never more than the rate
  CHECK(thirds.admit("a", kBegin));
  CHECK_FALSE(thirds.admit("a", kBegin + Duration(333'333'333)));
  CHECK(thirds.admit("a", kBegin + Duration(333'333'334)));
  Gate slow({1, hours(1)}, kMostConnects);
  for (std::uint32_t i = 0; i < kMostConnects; ++i) REQUIRE(slow.admit("a", kBegin));
  CHECK_FALSE(slow.admit("a", kBegin));
}

TEST_CASE("a flood of names takes no more memory, and does not lock anybody out") {
  Gate gate({1, hours(1)}, 2, {.meters = 1, .connects = 4096});
  Instant now = kBegin;
  for (int i = 0; i < 50'000; ++i) {
    now += Duration(1);
    CHECK(gate.admit("flood-" + std::to_string(i), now));
  }
  const Ledger::TableStats stats = gate.ledger.stats().connects;
  CHECK(stats.entries == 4096);
  CHECK(stats.memory < 4096 * 32 + 16 * 1024);
  CHECK(stats.evictions > 40'000);
  CHECK(stats.overflows == 0);
  // The latest are remembered: each has one left.
  int refused = 0;
  for (int i = 49'900; i < 50'000; ++i) {
    const std::string name = "flood-" + std::to_string(i);
    CHECK(gate.admit(name, now));
    refused += !gate.admit(name, now);
  }
  CHECK(refused == 100);
}

TEST_CASE("who owes most is remembered beside a flood of accounts that owe less") {
  const RateLimit limit = limit_of({20, seconds(1)}, 40);
  LocalLedger ledger({.meters = 1024, .connects = 1}, kKey);
  const Account culprit{Scope::client, limit.name, "culprit"};
  {
    const Ledger::Lease lease = ledger.lease(culprit, limit, kBegin);
    CHECK(takes_all(*lease, limit, kBegin) == 40);
  }  // it disconnects
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = "flood-" + std::to_string(i);
    const Ledger::Lease lease = ledger.lease({Scope::client, limit.name, name}, limit, kBegin);
    CHECK(test::takes(*lease, limit, kBegin));
  }
  CHECK(ledger.stats().meters.evictions > 10'000);
  const Ledger::Lease again = ledger.lease(culprit, limit, kBegin);
  CHECK(takes_all(*again, limit, kBegin) == 0);
  // Once it has paid everything back, nothing is lost with it, and no eviction is counted.
  LocalLedger quiet({.meters = 1024, .connects = 1}, kKey);
  for (int i = 0; i < 20'000; ++i) {
    const Instant now = kBegin + i * seconds(3);
    const std::string name = "guest-" + std::to_string(i);
    CHECK(takes_all(*quiet.lease({Scope::client, limit.name, name}, limit, now), limit, now) == 40);
  }
  CHECK(quiet.stats().meters.evictions == 0);
}

TEST_CASE("what is leased is not forgotten; who finds no room counts for itself") {
  const RateLimit limit = limit_of({1, hours(1)}, 2);
  LocalLedger ledger({.meters = 1024, .connects = 1}, kKey);
  std::vector<Ledger::Lease> leases;
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "dev-" + std::to_string(i);
    leases.push_back(ledger.lease({Scope::client, limit.name, name}, limit, kBegin));
    REQUIRE(leases.back() != nullptr);
  }
  const Ledger::TableStats full = ledger.stats().meters;
  CHECK(full.entries == 1024);
  CHECK(full.overflows == 3000 - 1024);
  CHECK(full.evictions == 0);
  for (const Ledger::Lease& lease : leases) REQUIRE(takes_all(*lease, limit, kBegin) == 2);
  // A second session of one that has its place finds the same meter.
  CHECK(takes_all(*ledger.lease({Scope::client, limit.name, "dev-0"}, limit, kBegin), limit,
                  kBegin) == 0);
  // Room is made again when leases end.
  leases.clear();
  const Ledger::Lease fresh = ledger.lease({Scope::client, limit.name, "fresh"}, limit, kBegin);
  CHECK(fresh.get_deleter().owner == &ledger);
  CHECK(ledger.stats().meters.evictions == 1);
}

TEST_CASE("an account is its scope, its limit's name and its holder") {
  const RateLimit one = limit_of({1, hours(1)}, 1, "one");
  const RateLimit two = limit_of({1, hours(1)}, 1, "two");
  LocalLedger ledger({}, kKey);
  const auto spend = [&](Scope scope, const RateLimit& limit, std::string_view holder) {
    return takes_all(*ledger.lease({scope, limit.name, holder}, limit, kBegin), limit, kBegin);
  };
  CHECK(spend(Scope::client, one, "a") == 1);
  CHECK(spend(Scope::client, one, "a") == 0);
  CHECK(spend(Scope::client, two, "a") == 1);
  CHECK(spend(Scope::client, one, "b") == 1);
  CHECK(spend(Scope::address, one, "a") == 1);
  // Connects are another table.
  CHECK(ledger.admit({Scope::client, one.name, "a"}, one, kBegin));
  CHECK_FALSE(ledger.admit({Scope::client, one.name, "a"}, one, kBegin));
}

TEST_CASE("a limit with other numbers: the debt is kept as time, up to the new burst") {
  LocalLedger ledger({}, kKey);
  const Account account{Scope::client, "limit", "a"};
  const RateLimit slow = limit_of({1, hours(1)}, 100);
  const RateLimit fast = limit_of({20, seconds(1)}, 40);
  CHECK(takes_all(*ledger.lease(account, slow, kBegin), slow, kBegin) == 100);
  CHECK(takes_all(*ledger.lease(account, slow, kBegin), slow, kBegin) == 0);
  // A hundred hours become the two seconds of the new burst, and not nothing.
  CHECK(takes_all(*ledger.lease(account, fast, kBegin), fast, kBegin) == 0);
  const Instant later = kBegin + milliseconds(50);
  CHECK(takes_all(*ledger.lease(account, fast, later), fast, later) == 1);
}

TEST_CASE("a packet larger than the burst stays owed when its session ends") {
  RateLimit limit;
  limit.name = "bytes";
  limit.bytes = Rate{1000, seconds(1)};
  limit.byte_burst = 1000;
  limit.precompute();
  LocalLedger ledger({}, kKey);
  const Account account{Scope::client, limit.name, "a"};
  ledger.lease(account, limit, kBegin)->charge(limit, 5000, kBegin);
  CHECK(ledger.lease(account, limit, kBegin)->wait(limit, 1, kBegin) == milliseconds(4001));
}

TEST_CASE("memory is taken when it is needed") {
  LocalLedger ledger({}, kKey);
  CHECK(ledger.stats().meters.memory < 16 * 1024);
  CHECK(ledger.stats().meters.entries == 65'536);
  const RateLimit limit = limit_of({1, seconds(1)}, 1);
  for (int i = 0; i < 2000; ++i) {
    (void)ledger.admit({Scope::client, limit.name, std::to_string(i)}, limit, kBegin);
  }
  CHECK(ledger.stats().connects.memory < 2 * 1024 * 1024 + 16 * 1024);
  CHECK(ledger.stats().connects.memory > 2 * 1024 * 1024);
  CHECK(ledger.stats().meters.memory < 16 * 1024);
}

}  // namespace
}  // namespace sallyport::ledger
