// Several workers use one ledger. Built for ThreadSanitizer as well (tests/run.sh).

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "accounts.h"
#include "ledger/local_ledger.h"

namespace sallyport::ledger {
namespace {

using test::kBegin;
using test::kKey;
using test::limit_of;

constexpr int kThreads = 4;

template <typename Work>
void on_threads(Work work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("all workers together admit no more than one would") {
  const RateLimit limit = limit_of({1, std::chrono::hours(1)}, 500);
  LocalLedger ledger({}, kKey);
  std::atomic<int> admitted = 0;
  on_threads([&](int) {
    for (int i = 0; i < 400; ++i) {
      admitted += ledger.admit({Scope::client, limit.name, "dev-1"}, limit, kBegin);
    }
  });
  CHECK(admitted == 500);
}

TEST_CASE("workers that charge one account lose only what they charge at the same time") {
  const RateLimit limit = limit_of({1, std::chrono::hours(1)}, 100'000);
  LocalLedger ledger({}, kKey);
  std::atomic<int> taken = 0;
  on_threads([&](int) {
    const Ledger::Lease lease = ledger.lease({Scope::client, limit.name, "dev-1"}, limit, kBegin);
    taken += test::takes_all(*lease, limit, kBegin);
  });
  // The worst that may happen, with workers that do nothing else: each has the burst to itself.
  CHECK(taken >= 100'000);
  CHECK(taken <= kThreads * 100'000);
  CHECK(test::takes_all(*ledger.lease({Scope::client, limit.name, "dev-1"}, limit, kBegin), limit,
                        kBegin) == 0);
}

TEST_CASE("leases, charges, evictions and figures at the same time") {
  const RateLimit limit = limit_of({1, std::chrono::hours(1)}, 3);
  const RateLimit other = limit_of({1, std::chrono::minutes(1)}, 5);
  LocalLedger ledger({.meters = 1024, .connects = 1024}, kKey);
  // One session each that stays, beside many that come and go and push each other out.
  std::atomic<int> kept = 0;
  on_threads([&](int thread) {
    const std::string own = "own-" + std::to_string(thread);
    const Ledger::Lease stays = ledger.lease({Scope::client, limit.name, own}, limit, kBegin);
    kept += test::takes(*stays, limit, kBegin);
    for (int i = 0; i < 4000; ++i) {
      const std::string name = "dev-" + std::to_string((i * 7 + thread) % 3000);
      const RateLimit& now = i % 3 == 0 ? other : limit;
      const Ledger::Lease lease = ledger.lease({Scope::client, limit.name, name}, now, kBegin);
      (void)test::takes(*lease, now, kBegin);
      (void)ledger.admit({Scope::client, limit.name, name}, now, kBegin);
      if (i % 100 == 0) (void)ledger.stats();
    }
    kept += test::takes_all(*stays, limit, kBegin);
  });
  CHECK(kept == 3 * kThreads);
  CHECK(ledger.stats().meters.evictions > 0);
}

}  // namespace
}  // namespace sallyport::ledger
