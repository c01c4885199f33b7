#pragma once

#include <csignal>

#include <pthread.h>

namespace sallyport::observe {

/// While it lives, no signal interrupts or ends the thread that made it, nor a thread that this one
/// starts: what is sent waits. Faults are not held back, nor is what a terminal's job control
/// sends, which stops a process and does not end it.
class BlockedSignals final {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS,  // faults
                             SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT}) {
      sigdelset(&all, number);
    }
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~BlockedSignals() {
    if (!kept_) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  /// They stay blocked for as long as the thread lives: what still waits at its end ends nothing.
  void keep() { kept_ = true; }

 private:
  sigset_t before_;
  bool kept_ = false;
};

}  // namespace sallyport::observe
