#include "sallyport/rate.h"

#include <algorithm>
#include <limits>

namespace sallyport {

namespace {

// Times count in nanoseconds, and budgets in units of 1/count nanosecond: one message of a rate of
// `count` per `per` costs exactly `per` units, and a nanosecond gives back exactly `count`. Nothing
// is rounded, so that no sequence of messages gains or loses by it.
__extension__ using Wide = unsigned __int128;

constexpr std::int64_t kLatest = std::numeric_limits<std::int64_t>::max();

std::int64_t ticks(Instant at) { return at.time_since_epoch().count(); }

/// Nanoseconds from `from` to `to`, which is not before it. Any two times fit into 64 bits without
/// a sign.
std::uint64_t between(std::int64_t from, std::int64_t to) {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

/// One of the two budgets at one time.
class Budget {
 public:
  Budget(const Rate& rate, std::uint64_t burst, Instant now)
      : count_(rate.count),
        per_(static_cast<std::uint64_t>(std::max<std::int64_t>(rate.per.count(), 0))),
        now_(ticks(now)),
        left_(between(now_, kLatest)),
        capacity_(Wide{burst} * per_) {}

  [[nodiscard]] Wide cost(std::uint64_t amount) const { return Wide{amount} * per_; }
  [[nodiscard]] Wide capacity() const { return capacity_; }
  /// What would be paid back only behind the end of time (292 years) is not lent.
  [[nodiscard]] Wide room() const { return Wide{left_} * count_; }
  /// A rate that allows nothing at all has no time at which it allows something.
  [[nodiscard]] bool is_void() const { return count_ == 0 || per_ == 0; }

  [[nodiscard]] Wide debt(Instant at, std::uint64_t fraction) const {
    if (ticks(at) < now_) return 0;
    return Wide{between(now_, ticks(at))} * count_ + fraction;
  }
  /// Until `units` are paid back, rounded up to the nanosecond; now + that does not overflow.
  [[nodiscard]] Duration time_for(Wide units) const {
    if (units == 0) return Duration::zero();
    return bounded((units - 1) / count_ + 1);
  }
  [[nodiscard]] Duration never() const { return bounded(left_); }

  void store(Wide debt, Instant& at, std::uint64_t& fraction) const {
    Wide whole;
    std::uint64_t rest;
    if (debt <= UINT64_MAX) {  // nearly always: one division of the machine instead of a call
      whole = static_cast<std::uint64_t>(debt) / count_;
      rest = static_cast<std::uint64_t>(debt) % count_;
    } else {
      whole = debt / count_;
      rest = static_cast<std::uint64_t>(debt % count_);
    }
    if (whole > left_) {
      whole = left_;
      rest = 0;
    }
    const auto then = static_cast<std::uint64_t>(now_) + static_cast<std::uint64_t>(whole);
    at = Instant(Duration(static_cast<std::int64_t>(then)));
    fraction = rest;
  }

 private:
  [[nodiscard]] Duration bounded(Wide nanoseconds) const {
    const Wide most = std::min<Wide>(left_, static_cast<std::uint64_t>(kLatest));
    return Duration(static_cast<std::int64_t>(std::min(nanoseconds, most)));
  }

  std::uint64_t count_;
  std::uint64_t per_;
  std::int64_t now_;
  std::uint64_t left_;  // nanoseconds until kLatest
  Wide capacity_;
};

}  // namespace

std::string_view to_string(Action action) {
  switch (action) {
    case Action::drop:
      return "drop";
    case Action::disconnect:
      return "disconnect";
    case Action::report:
      return "report";
    case Action::throttle:
      return "throttle";
  }
  return "unknown";
}

namespace {

/// False: too large for 64 bits.
bool precompute(const std::optional<Rate>& rate, std::uint64_t burst, RateCost& out) {
  out = {};
  if (!rate) return true;
  if (rate->count == 0 || rate->per <= Duration::zero()) return false;
  out.count = rate->count;
  out.cost = static_cast<std::uint64_t>(rate->per.count());
  return !__builtin_mul_overflow(burst, out.cost, &out.capacity);
}

}  // namespace

void RateLimit::precompute() {
  is_exact_in_64_bits = sallyport::precompute(messages, burst, message_cost) &&
                        sallyport::precompute(bytes, byte_burst, byte_cost);
}

Duration RateMeter::Clock::wait(const Rate& rate, std::uint64_t burst, std::uint64_t amount,
                                Instant now) const {
  const Budget budget(rate, burst, now);
  if (budget.is_void()) return budget.never();
  const Wide debt = budget.debt(at, fraction);
  // What is larger than the whole budget waits until all of it is there.
  if (amount > burst) return budget.time_for(debt);
  const Wide cost = budget.cost(amount);
  if (cost > budget.room() || debt > budget.room() - cost) return budget.never();
  const Wide most = budget.capacity() - cost;
  return debt <= most ? Duration::zero() : budget.time_for(debt - most);
}

void RateMeter::Clock::charge(const Rate& rate, std::uint64_t burst, std::uint64_t amount,
                              Instant now) {
  const Budget budget(rate, burst, now);
  if (budget.is_void()) return;
  const Wide debt = budget.debt(at, fraction);
  const Wide cost = budget.cost(amount);
  if (amount > burst && debt == 0) {
    budget.store(cost, at, fraction);
    return;
  }
  const Wide most = std::min(budget.capacity(), budget.room());
  // Charged although it does not fit: the budget is used up, and no further.
  const bool fits = cost <= most && debt <= most - cost;
  budget.store(fits ? debt + cost : std::max(debt, most), at, fraction);
}

Duration RateMeter::wait(const RateLimit& limit, std::uint64_t bytes, Instant now) const {
  Duration wait{};
  if (limit.messages) wait = messages_.wait(*limit.messages, limit.burst, 1, now);
  if (limit.bytes) wait = std::max(wait, bytes_.wait(*limit.bytes, limit.byte_burst, bytes, now));
  return wait;
}

void RateMeter::charge(const RateLimit& limit, std::uint64_t bytes, Instant now) {
  if (limit.messages) messages_.charge(*limit.messages, limit.burst, 1, now);
  if (limit.bytes) bytes_.charge(*limit.bytes, limit.byte_burst, bytes, now);
}

}  // namespace sallyport
