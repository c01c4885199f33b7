#pragma once

#include <cstdint>
#include <string_view>

#include "sallyport/rate.h"
#include "sallyport/time.h"

namespace sallyport {

/// How often one client may connect.
struct ConnectRate {
  Rate rate;
  std::uint32_t burst = 5;  // that may come at once; 1 to kMostConnects
};
inline constexpr std::uint32_t kMostConnects = 1000;

/// Who says whether a client may connect once more. Shared by sessions of several threads, so
/// implementations see to that themselves.
class ConnectGate {
 public:
  virtual ~ConnectGate() = default;
  /// Asked for every CONNECT that is let in otherwise. False: this one came too soon.
  [[nodiscard]] virtual bool admit(std::string_view name, Instant now) = 0;
};

}  // namespace sallyport
