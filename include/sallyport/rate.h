#pragma once

#include <atomic>
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

/// The most that one client may connect: a rate, and how many of these may come at once.
struct ConnectRate {
  Rate rate;
  std::uint32_t burst = 5;  // 1 to kMostConnects
};
inline constexpr std::uint32_t kMostConnects = 1000;

/// A rate and its burst in nanoseconds, so that a packet finds them worked out. As it is made here,
/// it lets nothing pass.
struct Pace {
  /// No debt is longer: a hundred years.
  static constexpr std::uint64_t kLongest = 100ULL * 365 * 24 * 3600 * 1'000'000'000;

  std::uint64_t whole = kLongest;  // what one message or byte costs,
  std::uint64_t fraction = 0;      // and a part of a nanosecond in units of 2^-64
  std::uint64_t capacity = 0;      // what the burst costs; 0: nothing ever fits

  [[nodiscard]] std::uint64_t cost(std::uint64_t amount) const;
  /// There is no rate: nothing costs anything, and everything fits.
  [[nodiscard]] bool is_free() const { return capacity == UINT64_MAX; }
  friend bool operator==(const Pace&, const Pace&) = default;
};

/// One limit of a role or a rule, ready to be measured against once precompute() was called.
struct RateLimit {
  std::string name;  // "<role>.limits" or the rule's id; what refusals are called
  bool is_rule = false;
  std::optional<Rate> messages;
  std::uint64_t burst = 1;  // messages that may come at once; >= 1
  std::optional<Rate> bytes;
  std::uint64_t byte_burst = 1;  // bytes that may come at once; >= 1
  Action on_exceed = Action::throttle;

  /// Works out what follows from the above.
  void precompute();
  Pace message_pace;
  Pace byte_pace;
  std::uint32_t terms = 0;  // a checksum of both: differs where a number of the limit does
};

/// How much of one RateLimit one account has used: two virtual clocks (GCRA), no timer and no
/// background refill. A meter never goes into debt, except that a packet of more bytes than
/// `byte_burst` passes when the byte budget is full, for it could never pass otherwise.
///
/// What a message costs is rounded up to whole nanoseconds, so a window never sees more than the
/// rate and the burst allow, and a client gets less than a nanosecond for each message less than
/// that: 0.1 % at 1,000,000 messages a second. Nothing overflows, whatever the limit and the time
/// line. A new meter has its full budget.
///
/// Thread: any, without a lock and without an atomic read-modify-write. Where two threads charge
/// one meter in the same few nanoseconds, one of both charges may be lost. One thread alone loses
/// nothing.
class RateMeter {
 public:
  /// When all that was used of each budget is paid back.
  struct Times {  // not initialized: each packet makes some, and fits() writes them
    std::int64_t messages;
    std::int64_t bytes;
    friend bool operator==(const Times&, const Times&) = default;
  };

  /// How long until one message of `bytes` bytes fits. Returns zero if it fits now. Does not
  /// charge. Exact: it fits at now + wait() and not a nanosecond sooner. `now + wait()` never
  /// overflows.
  [[nodiscard]] Duration wait(const RateLimit& limit, std::uint64_t bytes, Instant now) const;
  /// Takes one message of `bytes` bytes out of the budget. Where it does not fit, this uses the
  /// budget up.
  void charge(const RateLimit& limit, std::uint64_t bytes, Instant now);
  /// Both at once for what nearly every message finds: it fits. Then `after` is what has to be
  /// given to set() in order to charge. Returns false if it does not fit, or only as a packet that
  /// is larger than the burst; wait() says which. Inline because it is run for every packet.
  [[nodiscard]] bool fits(const RateLimit& limit, std::uint64_t bytes, Instant now,
                          Times& after) const;
  void set(const Times& times) {
    messages_.store(times.messages, std::memory_order_relaxed);
    bytes_.store(times.bytes, std::memory_order_relaxed);
  }
  [[nodiscard]] Times times() const {
    return {messages_.load(std::memory_order_relaxed), bytes_.load(std::memory_order_relaxed)};
  }

  /// How long until everything is paid back; zero: nothing is owed.
  [[nodiscard]] Duration debt(Instant now) const;
  /// The limit has other numbers now: what is owed stays owed as time, but no more than its burst.
  void limit_debt(const RateLimit& limit, Instant now);

 private:
  std::atomic<std::int64_t> messages_{INT64_MIN};
  std::atomic<std::int64_t> bytes_{INT64_MIN};
};

inline std::uint64_t Pace::cost(std::uint64_t amount) const {
  __extension__ using Wide = unsigned __int128;
  const Wide parts = Wide{amount} * fraction;
  const auto more = static_cast<std::uint64_t>(parts >> 64);
  const std::uint64_t rounded = static_cast<std::uint64_t>(parts) != 0 ? 1 : 0;
  // What nearly every packet and limit are: the product fits, and so do the two small terms.
  if (((amount | whole) >> 31) == 0) return amount * whole + more + rounded;
  const Wide total = Wide{amount} * whole + more + rounded;
  return total > kLongest ? kLongest : static_cast<std::uint64_t>(total);
}

inline bool RateMeter::fits(const RateLimit& limit, std::uint64_t bytes, Instant now,
                            Times& after) const {
  const auto fits_in = [now = now.time_since_epoch().count()](const Pace& pace, std::uint64_t cost,
                                                              std::int64_t at, std::int64_t& then) {
    const std::int64_t from = at > now ? at : now;
    const std::uint64_t debt = static_cast<std::uint64_t>(from) - static_cast<std::uint64_t>(now);
    return debt <= pace.capacity && cost <= pace.capacity - debt &&
           !__builtin_add_overflow(from, static_cast<std::int64_t>(cost), &then);
  };
  const Times before = times();
  after.bytes = before.bytes;
  return fits_in(limit.message_pace, limit.message_pace.whole, before.messages, after.messages) &&
         (limit.byte_pace.is_free() ||
          fits_in(limit.byte_pace, limit.byte_pace.cost(bytes), before.bytes, after.bytes));
}

}  // namespace sallyport
