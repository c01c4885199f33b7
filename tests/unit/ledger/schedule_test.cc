// However often a client reconnects and the policy is set anew, it gets what a session that nobody
// disturbs would get: no more in any window than rate and burst, and not less.

#include <algorithm>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "accounts.h"
#include "conversation.h"
#include "ledger/local_ledger.h"

namespace sallyport::test {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

const Identity kClient{"devices", "192.0.2.1", {}, {}, {}};

struct Numbers {
  Rate rate;
  std::uint64_t burst;
};

/// `more` rules before the one that is limited, so that its limit has another index.
policy::PolicySpec policy_of(const Numbers& numbers, int more, bool by_role) {
  policy::RateSpec rate;
  rate.messages = numbers.rate;
  rate.burst = numbers.burst;
  rate.on_exceed = Action::drop;
  std::vector<policy::RuleSpec> rules;
  for (int i = 0; i < more; ++i) {
    rules.push_back(allow("a" + std::to_string(i), {"other/" + std::to_string(i)}));
    rules.back().limit = rate;
  }
  rules.push_back(allow("limited", {"t"}));
  if (!by_role) rules.back().limit = rate;
  policy::PolicySpec spec = everybody(rules);
  if (by_role) spec.roles[0].limits = rate;
  return spec;
}

class Device {
 public:
  Device(Ledger* ledger, Numbers numbers, bool by_role, Instant now)
      : numbers_(numbers), by_role_(by_role) {
    options_.ledger = ledger;
    connect(now);
  }
  void connect(Instant now) {
    talk_ =
        std::make_unique<Conversation>(policy_of(numbers_, 0, by_role_), options_, kClient, now);
    talk_->open({.keep_alive = 0});
  }
  void reload(int more) { talk_->set_policy(policy_of(numbers_, more, by_role_)); }
  void advance(Duration time) {
    talk_->pass(time);
    (void)talk_->broker_gets();
  }
  [[nodiscard]] bool publishes() {
    talk_->client_sends(wire::publish({.topic = "t"}));
    return !talk_->broker_gets().empty();
  }
  [[nodiscard]] Instant now() const { return talk_->now(); }

 private:
  SessionOptions options_;
  const Numbers numbers_;
  const bool by_role_;
  std::unique_ptr<Conversation> talk_;
};

/// The largest number of messages more than burst + rate * window, over all windows.
std::int64_t excess(const std::vector<Instant>& passed, const Numbers& numbers) {
  std::int64_t worst = INT64_MIN;
  for (std::size_t first = 0; first < passed.size(); ++first) {
    for (std::size_t last = first; last < passed.size(); ++last) {
      const auto window = static_cast<std::uint64_t>((passed[last] - passed[first]).count());
      const auto refilled =
          window * numbers.rate.count / static_cast<std::uint64_t>(numbers.rate.per.count());
      worst = std::max(worst, static_cast<std::int64_t>(last - first + 1) -
                                  static_cast<std::int64_t>(numbers.burst + refilled));
    }
  }
  return worst;
}

TEST_CASE("reconnects and reloads neither fill a budget nor take from it") {
  std::mt19937 random(11);
  const auto up_to = [&random](int most) {
    return std::uniform_int_distribution<int>(0, most)(random);
  };
  int reconnects = 0;
  int reloads = 0;
  for (int round = 0; round < 40; ++round) {
    const Numbers numbers{{static_cast<std::uint64_t>(1 + up_to(40)), seconds(1)},
                          static_cast<std::uint64_t>(1 + up_to(20))};
    const bool by_role = round % 2 == 0;
    CAPTURE(round);
    ledger::LocalLedger ledger({.meters = 1024, .connects = 1}, kKey);
    Device disturbed(&ledger, numbers, by_role, kBegin);
    Device undisturbed(nullptr, numbers, by_role, kBegin);
    std::vector<Instant> passed;
    for (int step = 0; step < 300; ++step) {
      switch (up_to(9)) {
        case 0:
          disturbed.connect(disturbed.now());
          ++reconnects;
          break;
        case 1:
          disturbed.reload(up_to(3));
          ++reloads;
          break;
        case 2: {
          const Duration time = microseconds(up_to(500'000));
          disturbed.advance(time);
          undisturbed.advance(time);
          break;
        }
        default: {
          const bool passes = disturbed.publishes();
          REQUIRE(passes == undisturbed.publishes());
          if (passes) passed.push_back(disturbed.now());
        }
      }
    }
    CHECK(passed.size() > 0);
    CHECK(excess(passed, numbers) <= 0);
  }
  CHECK(reconnects > 100);
  CHECK(reloads > 100);
}

TEST_CASE("without a ledger a reconnect fills the budget again") {
  const Numbers numbers{{1, seconds(1)}, 5};
  for (const bool kept : {false, true}) {
    ledger::LocalLedger ledger({}, kKey);
    Device device(kept ? &ledger : nullptr, numbers, true, kBegin);
    int passed = 0;
    for (int i = 0; i < 100; ++i) {
      while (device.publishes()) ++passed;
      device.connect(device.now());
    }
    CHECK(passed == (kept ? 5 : 500));
  }
}

}  // namespace
}  // namespace sallyport::test
