#include "sallyport/rate.h"

#include <algorithm>
#include <limits>

namespace sallyport {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::int64_t kLatest = std::numeric_limits<std::int64_t>::max();

/// Of no rate at all: costs nothing, and always fits.
constexpr Pace kFree{0, 0, UINT64_MAX};

std::int64_t ticks(Instant at) { return at.time_since_epoch().count(); }

Pace pace_of(const std::optional<Rate>& rate, std::uint64_t burst) {
  if (!rate) return kFree;
  Pace pace;
  if (rate->count == 0 || rate->per <= Duration::zero()) return pace;
  const auto per = static_cast<std::uint64_t>(rate->per.count());
  pace.whole = per / rate->count;
  // Rounded down here and up by cost(), which is the exact cost rounded up where amount * count is
  // below 2^64.
  pace.fraction = static_cast<std::uint64_t>((Wide{per % rate->count} << 64) / rate->count);
  pace.capacity = pace.cost(burst);
  return pace;
}

/// One message at a time: each is rounded up by itself, and the burst is so many of them.
Pace whole_pace_of(const std::optional<Rate>& rate, std::uint64_t burst) {
  Pace pace = pace_of(rate, 1);
  if (!rate || pace.capacity == 0) return pace;
  pace.whole = pace.capacity;
  pace.fraction = 0;
  pace.capacity = pace.cost(burst);
  return pace;
}

std::uint32_t checksum(const Pace& a, const Pace& b) {
  std::uint64_t sum = 0;
  for (const Pace& pace : {a, b}) {
    for (const std::uint64_t number : {pace.whole, pace.fraction, pace.capacity}) {
      sum = (sum ^ number) * 0x9E3779B97F4A7C15U;
      sum ^= sum >> 32;
    }
  }
  return static_cast<std::uint32_t>(sum);
}

/// One of the two budgets at one time.
class Budget {
 public:
  Budget(const Pace& pace, std::uint64_t cost, std::int64_t at, Instant now)
      : pace_(pace),
        cost_(cost),
        now_(ticks(now)),
        from_(std::max(at, now_)),
        debt_(between(now_, from_)) {}

  [[nodiscard]] Duration wait() const {
    if (pace_.capacity == 0 || is_beyond_time()) return wait_for(between(now_, kLatest));
    // What is larger than the whole budget waits until all of it is there.
    if (cost_ > pace_.capacity) return wait_for(debt_);
    const std::uint64_t most = pace_.capacity - cost_;
    return debt_ <= most ? Duration::zero() : wait_for(debt_ - most);
  }
  [[nodiscard]] std::int64_t charged() const {
    // At the end of time nothing can wait, and nothing can be added either.
    if (wait() == Duration::zero() && !is_beyond_time()) {
      return from_ + static_cast<std::int64_t>(cost_);
    }
    // Charged although it does not fit: the budget is used up, and no further.
    return std::max(from_, full());
  }
  /// What of the debt the burst allows.
  [[nodiscard]] std::int64_t limited() const { return std::min(from_, full()); }

 private:
  /// From `from` to `to`, which is not before it: any two times fit into 64 bits without a sign.
  static std::uint64_t between(std::int64_t from, std::int64_t to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  }
  /// What would be paid back only behind the end of time is not lent.
  [[nodiscard]] bool is_beyond_time() const { return cost_ > between(from_, kLatest); }
  /// The time at which a budget that is used up now is there again.
  [[nodiscard]] std::int64_t full() const {
    const std::uint64_t left = std::min(between(now_, kLatest), pace_.capacity);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(now_) + left);
  }
  [[nodiscard]] Duration wait_for(std::uint64_t nanoseconds) const {
    const std::uint64_t most =
        std::min(between(now_, kLatest), static_cast<std::uint64_t>(kLatest));
    return Duration(static_cast<std::int64_t>(std::min(nanoseconds, most)));
  }

  const Pace& pace_;
  std::uint64_t cost_;
  std::int64_t now_;
  std::int64_t from_;
  std::uint64_t debt_;
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

void RateLimit::precompute() {
  message_pace = whole_pace_of(messages, burst);
  byte_pace = pace_of(bytes, byte_burst);
  terms = checksum(message_pace, byte_pace);
}

Duration RateMeter::wait(const RateLimit& limit, std::uint64_t bytes, Instant now) const {
  const Pace& of_messages = limit.message_pace;
  const Pace& of_bytes = limit.byte_pace;
  const Times at = times();
  return std::max(Budget(of_messages, of_messages.whole, at.messages, now).wait(),
                  Budget(of_bytes, of_bytes.cost(bytes), at.bytes, now).wait());
}

void RateMeter::charge(const RateLimit& limit, std::uint64_t bytes, Instant now) {
  const Pace& of_messages = limit.message_pace;
  const Pace& of_bytes = limit.byte_pace;
  const Times at = times();
  set({Budget(of_messages, of_messages.whole, at.messages, now).charged(),
       Budget(of_bytes, of_bytes.cost(bytes), at.bytes, now).charged()});
}

Duration RateMeter::debt(Instant now) const {
  const Times at = times();
  const std::int64_t paid = std::max(at.messages, at.bytes);
  if (paid <= ticks(now)) return Duration::zero();
  std::int64_t left = 0;
  if (__builtin_sub_overflow(paid, ticks(now), &left)) return Duration::max();
  return Duration(left);
}

void RateMeter::limit_debt(const RateLimit& limit, Instant now) {
  const Times at = times();
  set({Budget(limit.message_pace, 0, at.messages, now).limited(),
       Budget(limit.byte_pace, 0, at.bytes, now).limited()});
}

}  // namespace sallyport
