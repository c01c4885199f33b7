#pragma once

#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "observe/blocked_signals.h"

namespace sallyport::observe {

/// A thread that takes no signals: those belong to the thread that knows what to do about them, and
/// a broken pipe is an error and not the end. Empty: the system has no thread left.
template <typename Body>
[[nodiscard]] std::optional<std::thread> quiet_thread(Body body) {
  const BlockedSignals quiet;
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error&) {
    return std::nullopt;
  }
}

}  // namespace sallyport::observe
