#pragma once

#include <array>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <uv.h>

#include "app/assemble.h"
#include "ledger/local_ledger.h"
#include "net/loop.h"
#include "net/timers.h"
#include "observe/observe.h"
#include "proxy/server.h"

namespace sallyport::app {

/// The running gateway: the server and what signals do to it.
///
/// Thread: the main one, whose loop it uses; the server's workers reach it through a Wakeup.
class Gateway final : private proxy::Server::Watcher,
                      private net::Wakeup::Handler,
                      private net::Timer::Handler {
 public:
  /// All references outlive the gateway. `path` is read again by a reload.
  Gateway(std::string path, Assembled assembled, net::Loop& loop, observe::Observe& observe,
          const observe::Log& log);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Binds every address; nothing is served yet.
  [[nodiscard]] std::expected<void, proxy::StartError> bind(std::size_t workers);
  /// Listens to signals, starts the workers, and says so. From here on the loop runs until the
  /// gateway has been ended by a signal.
  [[nodiscard]] std::expected<void, proxy::StartError> serve(std::string_view version);
  /// After the loop: the exit code.
  [[nodiscard]] int end();

 private:
  void on_accept_paused(std::string_view listener, std::string_view error) override;
  void on_stopped() override;
  void on_wakeup() override;
  void on_timer(Instant now) override;
  void on_signal(int number);

  void reload();
  void reopen_audit();
  void drain(int signal);
  void say_started(std::string_view version) const;
  void publish() const;
  void close();

  const std::string path_;
  Assembled assembled_;
  const config::GatewayOptions started_;  // as of the start, for what a reload cannot change
  net::Loop& loop_;
  observe::Observe& observe_;
  const observe::Log& log_;

  net::Timers timers_;
  net::Timer give_up_;
  net::Wakeup stopped_;
  std::array<uv_signal_t, 4> signals_{};
  std::size_t workers_ = 0;
  bool open_ = false;
  bool draining_ = false;
  ledger::LocalLedger ledger_;  // outlives the sessions, and every reload
  std::unique_ptr<proxy::Server> server_;
};

}  // namespace sallyport::app
