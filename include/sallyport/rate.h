#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/time.h"

namespace sallyport {

/// What is done about a refusal, or about an exceeded limit.
enum class Action : std::uint8_t {
  drop,        // the packet goes no further and is answered as the standard allows
  disconnect,  // the session ends
  report,      // the packet passes; what would have happened is counted and logged
  throttle,    // limits only: stop reading until the budget allows
};
[[nodiscard]] std::string_view to_string(Action action);

/// The order of actions: report < throttle < drop < disconnect. Of several that apply the strictest
/// is taken.
[[nodiscard]] constexpr int strictness(Action action) {
  switch (action) {
    case Action::report:
      return 0;
    case Action::throttle:
      return 1;
    case Action::drop:
      return 2;
    case Action::disconnect:
      break;
  }
  return 3;
}
[[nodiscard]] constexpr Action stricter(Action a, Action b) {
  return strictness(a) >= strictness(b) ? a : b;
}

/// `count` per `per`: "20/s" is {20, 1 s}, "64 KiB/s" is {65536, 1 s}. Both > 0.
struct Rate {
  std::uint64_t count = 0;
  Duration per{};
};

/// A rate and its burst in the units of RateMeter::taken(), so that a packet finds them worked out.
struct RateCost {
  std::uint64_t count = 0;  // 0: there is no such rate
  std::uint64_t cost = 0;   // of one message or one byte
  std::uint64_t capacity = 0;
};

/// One limit of a role or a rule, ready to be measured against.
struct RateLimit {
  std::string name;  // "<role>.limits" or the rule's id; what refusals are called
  bool is_rule = false;
  std::optional<Rate> messages;
  std::uint64_t burst = 1;  // messages that may come at once; >= 1
  std::optional<Rate> bytes;
  std::uint64_t byte_burst = 1;  // bytes that may come at once; >= 1
  Action on_exceed = Action::throttle;

  /// Works out what follows from the above. Without it, or where a number is too large,
  /// `is_exact_in_64_bits` is false and RateMeter::taken() always says that the others have to be
  /// asked.
  void precompute();
  bool is_exact_in_64_bits = false;
  RateCost message_cost;
  RateCost byte_cost;
};

/// How much of one RateLimit one client has used: two virtual clocks (GCRA), no timer and no
/// background refill. A meter never goes into debt, except that a packet of more bytes than
/// `byte_burst` passes when the byte budget is full, for it could never pass otherwise.
///
/// The arithmetic is exact: whole numbers, no rounding, no overflow, whatever the limit and the
/// time line. A new meter has its full budget. Always ask it with one and the same limit.
class RateMeter {
 public:
  /// How long until one message of `bytes` bytes fits; zero: it fits now. Does not charge. Exact:
  /// it fits at now + wait() and not a nanosecond sooner. `now + wait()` never overflows.
  [[nodiscard]] Duration wait(const RateLimit& limit, std::uint64_t bytes, Instant now) const;
  /// Takes one message of `bytes` bytes out of the budget. Where it does not fit, this uses the
  /// budget up.
  void charge(const RateLimit& limit, std::uint64_t bytes, Instant now);
  /// Both at once for what nearly every message finds: it fits, and 64 bits are enough to say so.
  /// Then `after` is what charge() would make of this meter. False: `after` says nothing, and the
  /// other two have to be asked. Inline because it is run for every packet.
  [[nodiscard]] bool taken(const RateLimit& limit, std::uint64_t bytes, Instant now,
                           RateMeter& after) const {
    return limit.is_exact_in_64_bits &&
           messages_.taken(limit.message_cost, 1, now, after.messages_) &&
           bytes_.taken(limit.byte_cost, bytes, now, after.bytes_);
  }

  friend bool operator==(const RateMeter&, const RateMeter&) = default;

 private:
  /// The time at which all is paid back: `at` and `fraction`/count nanoseconds.
  struct Clock {
    Instant at = Instant::min();
    std::uint64_t fraction = 0;

    friend bool operator==(const Clock&, const Clock&) = default;

    [[nodiscard]] bool taken(const RateCost& rate, std::uint64_t amount, Instant now,
                             Clock& after) const;
    [[nodiscard]] Duration wait(const Rate& rate, std::uint64_t burst, std::uint64_t amount,
                                Instant now) const;
    void charge(const Rate& rate, std::uint64_t burst, std::uint64_t amount, Instant now);
  };
  Clock messages_;
  Clock bytes_;
};

inline bool RateMeter::Clock::taken(const RateCost& rate, std::uint64_t amount, Instant now,
                                    Clock& after) const {
  if (rate.count == 0) return true;
  std::uint64_t debt = 0;
  if (at >= now) {
    const auto ahead = static_cast<std::uint64_t>(at.time_since_epoch().count()) -
                       static_cast<std::uint64_t>(now.time_since_epoch().count());
    if (__builtin_mul_overflow(ahead, rate.count, &debt)) return false;
    if (__builtin_add_overflow(debt, fraction, &debt)) return false;
  }
  std::uint64_t cost = 0;
  if (__builtin_mul_overflow(amount, rate.cost, &cost)) return false;
  if (__builtin_add_overflow(debt, cost, &debt) || debt > rate.capacity) return false;
  std::int64_t then = 0;
  if (__builtin_add_overflow(now.time_since_epoch().count(), debt / rate.count, &then) ||
      then == Instant::max().time_since_epoch().count()) {
    return false;
  }
  after.at = Instant(Duration(then));
  after.fraction = debt % rate.count;
  return true;
}

}  // namespace sallyport
