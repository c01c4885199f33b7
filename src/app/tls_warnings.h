#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "app/assemble.h"

namespace sallyport::app {

/// What an operator should know about certificates that are good today, and about keys that make
/// TLS weaker than its defaults: said at start, at every reload and by `check`.
[[nodiscard]] std::vector<std::string> tls_warnings(const Assembled& assembled,
                                                    std::chrono::system_clock::time_point now);

}  // namespace sallyport::app
