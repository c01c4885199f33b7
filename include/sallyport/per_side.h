#pragma once

#include <cstddef>
#include <utility>

#include "sallyport/mqtt.h"

namespace sallyport {

/// Two of a kind, one for each side. Where it is used says what the side means: the side that
/// sends, or the one that receives.
template <typename T>
class PerSide final {
 public:
  constexpr PerSide() = default;
  constexpr PerSide(T client, T broker) : values_{std::move(client), std::move(broker)} {}

  [[nodiscard]] constexpr T& operator[](Side side) {
    return values_[static_cast<std::size_t>(side)];
  }
  [[nodiscard]] constexpr const T& operator[](Side side) const {
    return values_[static_cast<std::size_t>(side)];
  }
  [[nodiscard]] constexpr T* begin() { return values_; }
  [[nodiscard]] constexpr T* end() { return values_ + 2; }
  [[nodiscard]] constexpr const T* begin() const { return values_; }
  [[nodiscard]] constexpr const T* end() const { return values_ + 2; }

 private:
  T values_[2]{};
};

}  // namespace sallyport
