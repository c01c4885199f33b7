#pragma once

#include <optional>

#include "sallyport/bounds.h"
#include "sallyport/checks.h"
#include "sallyport/mqtt.h"

/// Which reason code goes with which check, where the standard leaves the choice to its two
/// definitions (1.2 of 5.0): *malformed* cannot be parsed as the standard says, a *protocol error*
/// can, and then holds what is not allowed.
namespace sallyport::mqtt {

[[nodiscard]] constexpr Malformed malformed(Check check) {
  return {check, ReasonCode::malformed_packet};
}
[[nodiscard]] constexpr Malformed protocol_error(Check check) {
  return {check, ReasonCode::protocol_error};
}
[[nodiscard]] constexpr Malformed over_quota(Check check) {
  return {check, ReasonCode::quota_exceeded};
}

/// Returns whether a check on a text is about a bound, so that what it refuses is well-formed.
[[nodiscard]] constexpr bool is_bound(Check check) {
  return check == Check::topic_too_long || check == Check::topic_levels ||
         check == Check::control_character;
}

/// What check_topic_name() or check_topic_filter() found. The codes 0x8F and 0x90 are for topics
/// that are well-formed and not accepted, which is what our bounds mean.
[[nodiscard]] constexpr Malformed topic_refusal(Check check, ReasonCode over_the_limit) {
  return {check, is_bound(check) ? over_the_limit : ReasonCode::malformed_packet};
}

/// Tells what is beyond a bound from what is malformed, for packets that can be answered. `find(b)`
/// returns the first thing that is wrong with a text under the bounds `b`. Returns what is
/// malformed about it, beyond a bound or not; puts into `over` the bound that it is beyond, if any.
template <typename Find>
[[nodiscard]] std::optional<Check> tell_apart(const Find& find, const Bounds& bounds,
                                              std::optional<Check>& over) {
  static constexpr Bounds kGrammar = unbounded();
  const std::optional<Check> found = find(bounds);
  if (!found || !is_bound(*found)) return found;
  over = found;
  const std::optional<Check> worse = find(kGrammar);
  return worse && !is_bound(*worse) ? worse : std::nullopt;
}

}  // namespace sallyport::mqtt
