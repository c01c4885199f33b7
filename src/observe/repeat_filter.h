#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sallyport/identity.h"

namespace sallyport::observe {

/// Keeps one client that does the same thing again and again from filling the disk. Lines of the
/// same client about the same thing are written as they come up to kBurst, from there on kPerSecond
/// of them; the rest is counted. A client is its certificate, or its address where it showed none.
/// Whoever was refused cannot help himself by reconnecting under another client identifier; where
/// sessions have begun, which the broker had to agree to, the identifier counts too, so that a
/// fleet behind one address is not taken for one client.
///
/// One worker's own; no memory beyond the object. Clients are told apart by a seeded hash: two that
/// fall together share one allowance, and so could at worst lose each other's repetitions, which
/// the log then says.
class RepeatFilter final {
 public:
  static constexpr std::uint32_t kBurst = 100;
  static constexpr std::uint32_t kPerSecond = 10;

  explicit RepeatFilter(std::uint64_t seed) : seed_(seed) {}

  enum class Who : std::uint8_t { client, client_and_identifier };
  /// May this line be written? `what` names the thing; `now` in nanoseconds of a monotonic clock.
  /// Charges where yes.
  [[nodiscard]] bool pass(const Identity& identity, Who who, std::string_view what,
                          std::int64_t now);

 private:
  static constexpr std::size_t kSlots = 4096;
  std::uint64_t seed_;
  std::array<std::int64_t, kSlots> free_at_{};  // GCRA: when all that was used is earned back
};

}  // namespace sallyport::observe
