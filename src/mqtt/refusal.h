#pragma once

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

/// What check_topic_name() or check_topic_filter() found. The codes 0x8F and 0x90 are for topics
/// that are well-formed and not accepted, which is what our bounds mean.
[[nodiscard]] constexpr Malformed topic_refusal(Check check, ReasonCode over_the_limit) {
  const bool limit = check == Check::topic_too_long || check == Check::topic_levels;
  return {check, limit ? over_the_limit : ReasonCode::malformed_packet};
}

}  // namespace sallyport::mqtt
