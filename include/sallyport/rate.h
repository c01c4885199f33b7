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

/// `count` per `per`: "20/s" is {20, 1 s}, "64 KiB/s" is {65536, 1 s}. Both > 0.
struct Rate {
  std::uint64_t count = 0;
  Duration per{};
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

 private:
  /// The time at which all is paid back: `at` and `fraction`/count nanoseconds.
  struct Clock {
    Instant at = Instant::min();
    std::uint64_t fraction = 0;

    [[nodiscard]] Duration wait(const Rate& rate, std::uint64_t burst, std::uint64_t amount,
                                Instant now) const;
    void charge(const Rate& rate, std::uint64_t burst, std::uint64_t amount, Instant now);
  };
  Clock messages_;
  Clock bytes_;
};

}  // namespace sallyport
