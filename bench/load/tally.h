#pragma once

#include <array>
#include <cstdint>

#include "sallyport/time.h"

namespace sallyport::bench {

/// How long answers took: counts in classes of which each is at most a sixteenth wide, so that a
/// run of any length takes the same room.
class Latency final {
 public:
  void add(Duration took);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The time that `part` (0 to 1) of all answers did not exceed; zero where there are none.
  [[nodiscard]] Duration quantile(double part) const;
  [[nodiscard]] Duration longest() const { return longest_; }

 private:
  static constexpr unsigned kFine = 4;  // bits of a class behind the leading one
  std::array<std::uint64_t, (64 - kFine + 1) << kFine> classes_{};
  std::uint64_t count_ = 0;
  Duration longest_{};
};

/// What happened to messages.
struct Tally {
  std::uint64_t published = 0;
  std::uint64_t acknowledged = 0;  // QoS 1: PUBACK, QoS 2: PUBCOMP
  std::uint64_t refused = 0;       // of those, with a reason code of 0x80 or more (MQTT 5)
  std::uint64_t received = 0;      // PUBLISH packets that arrived here
  std::uint64_t received_bytes = 0;
  std::uint64_t late = 0;  // published more than one interval after their time
  Latency latency;         // from PUBLISH to its acknowledgement
};

}  // namespace sallyport::bench
