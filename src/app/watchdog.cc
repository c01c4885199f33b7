#include "app/watchdog.h"

#include <string>
#include <utility>

namespace sallyport::app {

Watchdog::Watchdog(net::Timers& timers, const ServiceManager& manager,
                   const observe::Observe& observe, const observe::Log& log)
    : timer_(timers, *this), manager_(manager), observe_(observe), log_(log) {}

void Watchdog::start(Instant now) {
  if (manager_.watchdog()) on_timer(now);
}

void Watchdog::stop() { ending_ = true; }

void Watchdog::on_timer(Instant now) {
  timer_.set(now + *manager_.watchdog() / 2);
  const std::string stuck = ending_ ? std::string() : observe_.stuck_workers();
  if (stuck.empty()) {
    said_ = false;
    return manager_.alive();
  }
  if (std::exchange(said_, true)) return;
  log_.error("the service manager's watchdog is told nothing: " +
             stuck.substr(0, stuck.find('\n')));
}

}  // namespace sallyport::app
