#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "observe/http_server.h"

namespace sallyport::observe {

/// Who of those that reach the observe address may see who clients are: whoever brings the token.
/// Where there is none, whoever comes from this machine and has found it under a name of this
/// machine. A page of somebody else's in an operator's browser comes from this machine, too, but
/// under the name that it made point here (DNS rebinding).
///
/// Thread: any.
class Visitors final {
 public:
  /// Until this is called nobody is trusted. Empty: there is no token.
  void set_token(std::string token) {
    const std::lock_guard lock(mutex_);
    token_ = std::move(token);
  }
  [[nodiscard]] bool trusts(const HttpVisitor& visitor) const;

 private:
  mutable std::mutex mutex_;
  std::optional<std::string> token_;  // under mutex_
};

/// "localhost", or a loopback address, with or without a port.
[[nodiscard]] bool is_local_name(std::string_view host);

}  // namespace sallyport::observe
