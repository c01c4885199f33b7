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
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace sallyport::observe
