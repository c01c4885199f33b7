#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sallyport/identity.h"

namespace sallyport::observe {

/// Keeps one client that is refused again and again from filling the disk. Refusals of the same
/// client (its certificate, or its address where it showed none) for the same rule or check, and
/// from the same side, are written as they come up to kBurst, from there on kPerSecond of them;
/// the rest is counted. Reconnecting or changing the client identifier does not help a client.
///
/// One worker's own; no memory beyond the object. Clients are told apart by a seeded hash: two that
/// fall together share one allowance, and so could at worst lose each other's repetitions, which
/// the log then says.
class RepeatGate final {
 public:
  static constexpr std::uint32_t kBurst = 100;
  static constexpr std::uint32_t kPerSecond = 10;

  explicit RepeatGate(std::uint64_t seed) : seed_(seed) {}

  /// May this line be written? `now` in nanoseconds of a monotonic clock; charges where yes.
  [[nodiscard]] bool pass(const Identity& who, std::string_view cause, bool from_broker,
                          std::int64_t now);

 private:
  static constexpr std::size_t kSlots = 4096;
  std::uint64_t seed_;
  std::array<std::int64_t, kSlots> free_at_{};  // GCRA: when all that was used is earned back
};

}  // namespace sallyport::observe
