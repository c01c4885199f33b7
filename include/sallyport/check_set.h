#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sallyport/checks.h"

namespace sallyport {

/// Some checks, each once.
class CheckSet final {
 public:
  /// Returns whether it is new.
  bool add(Check check) {
    std::uint64_t& word = words_[index(check) / 64];
    const std::uint64_t bit = std::uint64_t{1} << index(check) % 64;
    const bool is_new = (word & bit) == 0;
    word |= bit;
    return is_new;
  }
  [[nodiscard]] bool contains(Check check) const {
    return (words_[index(check) / 64] >> index(check) % 64 & 1) != 0;
  }
  [[nodiscard]] bool empty() const { return words_ == Words{}; }
  /// Calls `function` with each, in the order of the enumeration.
  template <typename Function>
  void for_each(Function function) const {
    for (std::size_t i = 0; i < kChecks; ++i) {
      const auto check = static_cast<Check>(i);
      if (contains(check)) function(check);
    }
  }

  [[nodiscard]] friend bool operator==(const CheckSet&, const CheckSet&) = default;

 private:
#define X(enumerator, name, text) +1
  static constexpr std::size_t kChecks = 0 SALLYPORT_CHECKS(X);
#undef X
  using Words = std::array<std::uint64_t, (kChecks + 63) / 64>;
  static constexpr std::size_t index(Check check) { return static_cast<std::size_t>(check); }

  Words words_{};
};

}  // namespace sallyport
