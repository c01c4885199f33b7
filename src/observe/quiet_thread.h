#pragma once

#include <csignal>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <pthread.h>

namespace sallyport::observe {

/// While it lives, threads that are started take no signals: SIGHUP and SIGTERM belong to the
/// thread that knows what to do about them, and a broken pipe is an error and not the end.
class QuietSignals final {
 public:
  QuietSignals() {
    sigset_t all;
    sigfillset(&all);
    // What a fault of this thread itself raises must not be held back.
    for (const int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP})
      sigdelset(&all, fault);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~QuietSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  QuietSignals(const QuietSignals&) = delete;
  QuietSignals& operator=(const QuietSignals&) = delete;

 private:
  sigset_t before_;
};

/// Empty: the system has no thread left.
template <typename Body>
[[nodiscard]] std::optional<std::thread> quiet_thread(Body body) {
  const QuietSignals quiet;
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error&) {
    return std::nullopt;
  }
}

}  // namespace sallyport::observe
