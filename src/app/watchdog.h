#pragma once

#include "app/service_manager.h"
#include "net/timers.h"
#include "observe/log.h"
#include "observe/observe.h"

namespace sallyport::app {

/// Tells the service manager that the gateway is alive, and only as long as that is true: the loop
/// of this timer turns, and so does every worker's. Where one is stuck nothing is said any more,
/// the log says why, and the manager ends the process when its time is over.
///
/// Thread: the loop's of `timers`. All references outlive it.
class Watchdog final : private net::Timer::Handler {
 public:
  Watchdog(net::Timers& timers, const ServiceManager& manager, const observe::Observe& observe,
           const observe::Log& log);

  /// Where the manager watches, says so twice in its time from here on.
  void start(Instant now);
  /// The end has begun: workers whose last session has gone end before the others. From here on a
  /// worker that does not turn is not reported, and the manager's limit for the end holds instead.
  void stop();

 private:
  void on_timer(Instant now) override;

  net::Timer timer_;
  const ServiceManager& manager_;
  const observe::Observe& observe_;
  const observe::Log& log_;
  bool said_ = false;
  bool ending_ = false;
};

}  // namespace sallyport::app
