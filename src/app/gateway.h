#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "sallyport/build_info.h"

#include "admin/socket.h"
#include "app/assemble.h"
#include "app/file_watch.h"
#include "app/service_manager.h"
#include "app/watchdog.h"
#include "ledger/local_ledger.h"
#include "net/inbox.h"
#include "net/loop.h"
#include "net/signals.h"
#include "net/timers.h"
#include "observe/observe.h"
#include "proxy/server.h"

namespace sallyport::app {

/// The running gateway: the server, and what signals, commands and changed files do to it.
///
/// Thread: the main one, which blocks all signals (observe::BlockedSignals) and whose loop it uses;
/// the server's workers reach it through a Wakeup.
class Gateway final : private admin::Socket::Handler,
                      private proxy::Server::Watcher,
                      private net::Wakeup::Handler,
                      private FileWatch::Handler,
                      private net::Signals::Handler {
 public:
  /// All references outlive the gateway. `path` is read again by a reload.
  Gateway(std::string path, Assembled assembled, const BuildInfo& build,
          const ServiceManager& manager, net::Loop& loop, observe::Observe& observe,
          observe::Log& log);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Binds every address; nothing is served yet.
  [[nodiscard]] std::expected<void, proxy::StartError> bind(std::size_t workers);
  /// Listens to signals, starts the workers, and says so. From here on the loop runs until the
  /// gateway has been ended by a signal.
  [[nodiscard]] std::expected<void, proxy::StartError> serve();
  /// After the loop: the exit code.
  [[nodiscard]] int end();

  // For signals and the admin socket's commands.

  /// Reads all files again. Returns what is wrong with them, and then nothing has changed.
  [[nodiscard]] config::Diagnostics reload();
  /// Begins to end, as settings::Drain says; the second call ends at once. `why` is for the log.
  void drain(const std::string& why);
  [[nodiscard]] bool is_draining() const { return draining_; }
  [[nodiscard]] proxy::Server& server() { return *server_; }
  /// Where answers of the server come back to this thread.
  [[nodiscard]] net::Inbox& inbox() { return inbox_; }
  [[nodiscard]] const Assembled& assembled() const { return assembled_; }
  [[nodiscard]] const BuildInfo& build() const { return build_; }
  [[nodiscard]] std::size_t workers() const { return workers_; }
  [[nodiscard]] Duration uptime() const { return net::Loop::now() - started_at_; }

 private:
  void on_accept_paused(std::string_view listener, std::string_view error) override;
  void on_stopped() override;
  void on_wakeup() override;
  void stop_accepting(Instant now);
  void on_signal(int number) override;
  void say_notices(Instant now) const;
  void look_for_notices(Instant now);
  void give_up(Instant now);

  void on_request(std::string_view line, admin::Reply reply) override;

  bool on_files_changed(bool report) override;
  void on_stale(bool stale) override;
  void on_unwatched(const std::string& why) override;
  void take(Assembled fresh);
  void report(const config::Diagnostics& wrong);

  void reopen_audit();
  void say_started() const;
  [[nodiscard]] std::string in_force() const;
  void publish() const;
  void follow_log_settings();
  void close();

  /// One deadline, and what the gateway does then.
  template <void (Gateway::*act)(Instant now)>
  struct Deadline final : net::Timer::Handler {
    explicit Deadline(Gateway& owner) : gateway(owner), timer(owner.timers_, *this) {}
    void on_timer(Instant now) override { (gateway.*act)(now); }
    Gateway& gateway;
    net::Timer timer;
  };

  const std::string path_;
  const BuildInfo build_;
  Assembled assembled_;
  const config::GatewayOptions started_;  // as of the start, for what a reload cannot change
  net::Loop& loop_;
  observe::Observe& observe_;
  observe::Log& log_;
  const ServiceManager& manager_;

  net::Timers timers_;
  Deadline<&Gateway::give_up> give_up_{*this};
  Deadline<&Gateway::stop_accepting> delay_{*this};
  Deadline<&Gateway::look_for_notices> notice_timer_{*this};
  Watchdog watchdog_;
  FileWatch files_;
  net::Wakeup stopped_;
  net::Signals signals_;
  net::Inbox inbox_;
  std::size_t workers_ = 0;
  Instant started_at_{};
  bool open_ = false;
  bool draining_ = false;
  std::string why_ = "the end of the loop";  // it stops
  ledger::LocalLedger ledger_;               // outlives the sessions, and every reload
  std::unique_ptr<proxy::Server> server_;
  std::unique_ptr<admin::Socket> admin_;
};

}  // namespace sallyport::app
