#include "app/gateway.h"

#include <csignal>
#include <cstdlib>
#include <utility>
#include <vector>

#include "app/commands.h"
#include "app/settings.h"
#include "app/warnings.h"
#include "observe/process_metrics.h"

namespace sallyport::app {

namespace {

// All others mean nothing to the gateway, and stay blocked.
constexpr std::array kSignals = {SIGHUP, SIGUSR1, SIGTERM, SIGINT, SIGQUIT};
// How often the counters are looked at for what an operator should know.
constexpr Duration kNotices = std::chrono::seconds(1);
// What the audit log may take behind a drain (observe::Observe::stop()), and to spare.
constexpr Duration kLastWrites = std::chrono::seconds(5);

std::string count(std::size_t number, const std::string& thing) {
  return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

std::string_view describe(const std::optional<tls::ServerOptions>& options) {
  if (!options) return "without TLS";
  switch (options->client_certificate) {
    case tls::ClientCertificate::none:
      return "TLS";
    case tls::ClientCertificate::optional:
      return "TLS, client certificate optional";
    case tls::ClientCertificate::required:
      return "TLS, client certificate required";
  }
  return "TLS";
}

/// A diagnostic has a line for its hint; the log has one line for each call.
void error_lines(const config::Diagnostic& diagnostic, const observe::Log& log) {
  const std::string text = to_string(diagnostic);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    log.error(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
}

}  // namespace

Gateway::Gateway(std::string path, Assembled assembled, const BuildInfo& build,
                 const ServiceManager& manager, net::Loop& loop, observe::Observe& observe,
                 observe::Log& log)
    : path_(std::move(path)),
      build_(build),
      assembled_(std::move(assembled)),
      started_(assembled_.options),
      loop_(loop),
      observe_(observe),
      log_(log),
      manager_(manager),
      watchdog_(timers_, manager, observe, log),
      files_(path_, timers_, *this),
      stopped_(*this),
      signals_(*this),
      ledger_(assembled_.options.ledger, random_key()) {}

Gateway::~Gateway() {
  server_.reset();
  close();
  loop_.run();  // what was closed needs its loop once more, while the handles are still there
}

std::expected<void, proxy::StartError> Gateway::bind(std::size_t workers) {
  workers_ = workers;
  std::vector<GatewayEvents*> events;
  for (std::size_t i = 0; i < workers; ++i) events.push_back(&observe_.worker(i));
  auto server = proxy::Server::bind(snapshot_of(assembled_, ledger_), events, *this);
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  return {};
}

std::expected<void, proxy::StartError> Gateway::serve() {
  int error = timers_.open(loop_);
  if (error == 0) error = stopped_.open(loop_);
  if (error != 0) {
    timers_.close();
    return std::unexpected(proxy::StartError{{}, std::string(net::describe(error)), ""});
  }
  open_ = true;
  error = signals_.open(loop_, kSignals);
  if (error == 0) error = inbox_.open(loop_);
  if (error != 0) {
    return std::unexpected(proxy::StartError{{}, std::string(net::describe(error)), ""});
  }
  if (const std::string& path = assembled_.options.admin.socket; !path.empty()) {
    admin::Socket::Handler& handler = *this;
    const admin::Options options{.path = path, .bounds = assembled_.options.admin};
    auto socket = admin::Socket::open(loop_, timers_, options, handler);
    if (!socket) {
      return std::unexpected(proxy::StartError{assembled_.options.admin.origin,
                                               "[admin] socket " + socket.error(),
                                               "choose a path in a folder that the "
                                               "gateway's user alone may write to"});
    }
    admin_ = std::move(*socket);
  }
  const double own_files = observe::read_process().open_files.value_or(0);
  if (auto served = server_->serve(static_cast<std::uint64_t>(own_files)); !served) return served;
  started_at_ = net::Loop::now();
  publish();
  follow_log_settings();
  observe_.on_started();
  observe_.set_ready(true);
  say_started();
  notice_timer_.timer.set(net::Loop::now() + kNotices);
  files_.open(loop_);
  files_.follow(assembled_.options.reload, assembled_.inputs, false);
  manager_.ready(in_force());
  watchdog_.start(net::Loop::now());
  return {};
}

int Gateway::end() {
  server_.reset();
  observe_.workers_ended();
  say_notices(net::Loop::now());
  observe_.on_stopping(why_);
  observe_.stop();
  log_.info("stopped");
  return EXIT_SUCCESS;
}

std::string Gateway::in_force() const {
  return count(assembled_.policy->role_count(), "role") + ", " +
         count(assembled_.policy->rule_count(), "rule");
}

void Gateway::say_started() const {
  const config::GatewayOptions& options = assembled_.options;
  log_.info("sallyport " + std::string(build_.version) + " started: " + count(workers_, "worker") +
            ", " + in_force());
  for (std::size_t i = 0; i < options.listeners.size(); ++i) {
    const config::ListenerOptions& listener = options.listeners[i];
    config::Endpoint bound = listener.address;
    bound.port = server_->address(i).port();
    log_.info("listening on " + bound.to_string() + " (" + listener.name + ", " +
              std::string(describe(listener.tls)) + ")");
  }
  log_.info("broker " + options.broker.address.to_string() +
            (options.broker.tls ? " (TLS)" : " (without TLS)"));
  if (options.observe.address) {
    config::Endpoint bound = *options.observe.address;
    bound.port = observe_.port();
    log_.info("status page on http://" + bound.to_string() + "/, metrics below /metrics");
  }
  warn(assembled_, server_->most_by_files(), log_);
}

void Gateway::publish() const {
  observe_.set_certificates(expiries(assembled_));
  observe_.set_authorities(authorities(assembled_));
  observe_.set_crls(crls(assembled_));
  observe_.set_token(assembled_.observe_token);
  observe_.set_limits(connection_limits(assembled_.options, server_->most_by_files()));
  observe_.set_policy(assembled_.policy->role_count(), assembled_.policy->rule_count());
  observe_.set_in_force({assembled_.inputs.hash, assembled_.options.broker.address.to_string()});
}

void Gateway::follow_log_settings() {
  log_.set(assembled_.options.log);
  observe_.set_debug(log_.writes(settings::LogLevel::debug));
}

void Gateway::on_signal(int number) {
  switch (number) {
    case SIGHUP:
      if (draining_) log_.warn("SIGHUP: nothing is read again, because the gateway is draining");
      static_cast<void>(reload());
      break;
    case SIGUSR1:
      reopen_audit();
      break;
    default:
      drain(number == SIGINT ? "SIGINT" : number == SIGQUIT ? "SIGQUIT" : "SIGTERM");
      break;
  }
}

config::Diagnostics Gateway::reload() {
  if (draining_) return {{{path_, 0, 0}, "the gateway is draining", ""}};
  manager_.reloading();
  auto fresh = assemble(path_);
  if (!fresh) {
    files_.failed();
    report(fresh.error());
    return std::move(fresh.error());
  }
  take(std::move(*fresh));
  return {};
}

bool Gateway::on_files_changed(bool report_it) {
  auto fresh = assemble(path_);
  if (fresh) {
    manager_.reloading();
    log_.info("files have changed");
    take(std::move(*fresh));
  } else if (report_it) {
    manager_.reloading();
    report(fresh.error());
  } else {
    log_.debug("files have changed, and do not load as they are: " +
               count(fresh.error().size(), "error"));
  }
  return fresh.has_value();
}

void Gateway::report(const config::Diagnostics& wrong) {
  for (const config::Diagnostic& diagnostic : wrong) error_lines(diagnostic, log_);
  const std::string errors = count(wrong.size(), "error");
  log_.error("reload failed: " + errors + "; the configuration of before stays in force");
  manager_.ready(in_force() + "; the last reload failed: " + errors + ", see the log");
  // Last: whoever sees it counted finds the reasons in the log.
  const std::string why = wrong.empty() ? "" : to_string(wrong.front());
  observe_.on_reload(false, wrong.size(), why.substr(0, why.find('\n')));
}

void Gateway::take(Assembled fresh) {
  assembled_ = std::move(fresh);
  auto restart = server_->reload(snapshot_of(assembled_, ledger_));
  for (auto& line : restart_needed(started_, assembled_.options)) {
    restart.push_back(std::move(line));
  }
  publish();
  follow_log_settings();
  log_.info("reloaded " + path_ + ": " + in_force());
  for (const std::string& line : restart) log_.warn("needs a restart: " + line);
  warn(assembled_, server_->most_by_files(), log_);
  manager_.ready(in_force());
  observe_.on_reload(true);
  files_.follow(assembled_.options.reload, assembled_.inputs, !restart.empty());
}

void Gateway::on_stale(bool stale) { observe_.set_stale(stale); }

void Gateway::on_unwatched(const std::string& why) {
  log_.warn("changes of files are noticed by [reload] poll only: " + why);
}

void Gateway::on_request(std::string_view line, admin::Reply reply) { execute(*this, line, reply); }

void Gateway::reopen_audit() {
  const auto reopened = observe_.reopen_audit();
  if (reopened) {
    log_.info("audit log opened again");
  } else {
    log_.error(reopened.error().message + "; the file of before stays in use");
  }
}

void Gateway::drain(const std::string& why) {
  const settings::Drain& times = assembled_.options.drain;
  const Instant now = net::Loop::now();
  observe_.set_draining();
  if (std::exchange(draining_, true)) {
    log_.info(why + " again: ending at once");
    delay_.timer.set(kNever);
    server_->drain(Duration::zero());
    manager_.stopping(times.grace + kLastWrites);
    give_up_.timer.set(now + times.grace);
    return;
  }
  why_ = why;
  files_.close();
  const Duration limit = times.delay + times.window + times.timeout;
  const auto in_seconds = [](Duration time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
  };
  log_.info(why + ": draining for at most " + in_seconds(limit) +
            (times.delay == Duration::zero()
                 ? ""
                 : "; clients are let in for " + in_seconds(times.delay) + " yet"));
  watchdog_.stop();
  manager_.stopping(limit + times.grace + kLastWrites);
  give_up_.timer.set(now + limit + times.grace);
  if (times.delay == Duration::zero()) {
    stop_accepting(now);
  } else {
    delay_.timer.set(now + times.delay);
  }
}

void Gateway::stop_accepting(Instant) {
  const settings::Drain& times = assembled_.options.drain;
  server_->drain(times.window + times.timeout, times.window);
}

void Gateway::on_accept_paused(std::string_view listener, std::string_view error) {
  log_.warn("listener \"" + std::string(listener) +
            "\" accepts nothing for a moment: " + std::string(error));
}

void Gateway::look_for_notices(Instant now) {
  say_notices(now);
  notice_timer_.timer.set(now + kNotices);
}

void Gateway::say_notices(Instant now) const {
  const Ledger::Stats ledger = ledger_.stats();
  observe_.set_ledger({.bytes = ledger.meters.memory + ledger.connects.memory,
                       .evictions = ledger.meters.evictions + ledger.connects.evictions,
                       .overflows = ledger.meters.overflows + ledger.connects.overflows});
  for (const observe::Notice& notice : observe_.notices(now, std::chrono::system_clock::now())) {
    log_.write(notice.level, notice.text);
  }
}

void Gateway::on_stopped() { stopped_.notify(); }

void Gateway::on_wakeup() { close(); }

void Gateway::give_up(Instant) {
  // Only a name lookup, which nobody can take back from the system, outlasts a drain. Its thread
  // would hold up an orderly exit just as long.
  log_.warn("a lookup of the broker's name does not end; stopped without waiting for it");
  observe_.on_stopping(why_);
  observe_.stop();
  std::_Exit(EXIT_SUCCESS);
}

void Gateway::close() {
  if (!std::exchange(open_, false)) return;
  give_up_.timer.set(kNever);
  delay_.timer.set(kNever);
  if (admin_ != nullptr) admin_->close();
  notice_timer_.timer.set(kNever);
  files_.close();
  timers_.close();
  stopped_.close();
  signals_.close();
  inbox_.close();
}

}  // namespace sallyport::app
