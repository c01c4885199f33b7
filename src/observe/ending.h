#pragma once

#include <chrono>
#include <string>

/// What operators are told of the end of certificates.
namespace sallyport::observe {

/// An operator is told from so long before on.
inline constexpr std::chrono::days kEndsSoon{14};

/// "ends in 3 days", "ends within a day", "has ended".
[[nodiscard]] inline std::string ends_in(std::chrono::system_clock::duration left) {
  if (left <= left.zero()) return "has ended";
  const auto days = std::chrono::floor<std::chrono::days>(left).count();
  if (days == 0) return "ends within a day";
  return "ends in " + std::to_string(days) + (days == 1 ? " day" : " days");
}

}  // namespace sallyport::observe
