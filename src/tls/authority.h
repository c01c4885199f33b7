#pragma once

#include <chrono>
#include <string>

namespace sallyport::tls {

/// One CA of a bundle, as operators know it.
struct Authority {
  std::string name;         // its subject in one line; printable ASCII
  std::string fingerprint;  // SHA-256, lower-case hex
  std::chrono::system_clock::time_point not_after{};
  /// Another certificate of the bundle has its subject and its key, and ends later.
  bool is_renewed = false;
  /// What it has issued is refused, as the options are.
  bool is_too_weak = false;
};

}  // namespace sallyport::tls
