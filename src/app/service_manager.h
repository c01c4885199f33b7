#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sallyport/time.h"

namespace sallyport::app {

/// The service manager that started this process, and what it wants to hear: sd_notify(3).
///
/// It is a datagram to a socket that the environment names. libsystemd would send the same one, but
/// would bring four libraries (compression, libgcrypt) into a process that faces the network.
///
/// Thread: any but a worker's, for a call may wait a second for a manager that is busy. Nothing
/// here fails: one that does not listen is told nothing, and the gateway serves all the same.
class ServiceManager final {
 public:
  /// $NOTIFY_SOCKET, and $WATCHDOG_USEC where $WATCHDOG_PID is this process, or is not there.
  [[nodiscard]] static ServiceManager from_environment();

  /// `socket`: a path, or "@name" of Linux's abstract namespace; anything else: nobody is told.
  explicit ServiceManager(std::string socket, std::optional<Duration> watchdog = {});

  /// All listeners accept, at the start or after reloading(). `status` is a line for people.
  void ready(std::string_view status) const;
  /// Files are being read again; ends with ready(), whether they were good or not.
  void reloading() const;
  /// The end has begun. The manager waits for it for `limit`, whatever its own limit says.
  void stopping(Duration limit) const;
  /// The watchdog is to wait once more.
  void alive() const;

  /// The time after which the manager ends a process that did not say alive(); none: it does not
  /// watch.
  [[nodiscard]] std::optional<Duration> watchdog() const { return watchdog_; }

 private:
  void send(std::string_view message) const;

  std::string socket_;
  std::optional<Duration> watchdog_;
};

}  // namespace sallyport::app
