#include "observe/observe.h"

#include <algorithm>
#include <random>
#include <sstream>

#include <prometheus/text_serializer.h>
#include <unistd.h>

#include "observe/audit_writer.h"
#include "observe/collector.h"
#include "observe/health.h"
#include "observe/http_server.h"
#include "observe/notices.h"
#include "observe/status.h"
#include "observe/visitors.h"
#include "observe/worker_events.h"

namespace sallyport::observe {

namespace {

std::string host_name() {
  std::string name(256, '\0');
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  name.resize(name.find('\0'));
  return name;
}

}  // namespace

class Observe::Impl final : public HttpPages {
 public:
  Impl(const Options& options, std::optional<AuditSink> sink, const Log& log)
      : version_(options.build.version), log_(log), names_(options.listeners, options.metrics) {
    const std::size_t count = std::max<std::size_t>(options.workers, 1);
    if (sink) {
      const AuditWriter::Options audit{
          .target = options.audit_log,
          .format = options.audit_format,
          .instance = options.instance.empty() ? host_name() : options.instance,
          .queues = count + 1,  // the last one is the main thread's
          .queue_capacity = options.audit_queue,
          .bytes_per_second = options.audit_bytes_per_second,
          .bytes_burst = options.audit_bytes_burst};
      audit_ = std::make_unique<AuditWriter>(std::move(*sink), audit, log);
    }
    std::random_device random;
    const auto word = [&random] { return std::uint64_t{random()} << 32 | random(); };
    const HashKey key = {word(), word()};
    for (std::size_t i = 0; i < count; ++i) {
      counters_.push_back(std::make_unique<WorkerCounters>(names_));
      counters_[i]->heartbeat.store(steady_nanos(), std::memory_order_relaxed);
      workers_.push_back(std::make_unique<WorkerEvents>(
          names_, *counters_[i], audit_ ? &audit_->queue(i) : nullptr,
          audit_ ? &audit_->waker() : nullptr, options.audit_limits, key));
    }
    notices_ = std::make_unique<Notices>(names_, counters_, options.notice_every);
    collector_ = std::make_unique<Collector>(options.build, names_, counters_, audit_.get(), &log);
    collector_->change(
        [](ProcessState& state) { state.last_success = std::chrono::system_clock::now(); });
  }

  [[nodiscard]] HttpPage page(std::string_view path, bool is_trusted) const override {
    if (path == "/metrics") {
      return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
              .body = metrics(is_trusted)};
    }
    if (path == "/" || path == "/status") return status_page();
    if (path == kStatusJson) return status_json(collector_->collect(is_trusted), is_trusted);
    if (path == "/healthz") return health_page(counters_, steady_nanos());
    if (path == "/readyz") {
      return readiness_page(collector_->state().ready, last_broker_connect(counters_));
    }
    return {.status = 404, .body = {}};
  }

  [[nodiscard]] bool is_costly(std::string_view path) const override {
    return path == "/metrics" || path == kStatusJson;
  }

  [[nodiscard]] bool trusts(const HttpVisitor& visitor) const override {
    return visitors_.trusts(visitor);
  }

  [[nodiscard]] std::string metrics(bool identities) const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, collector_->collect(identities));
    return std::move(out).str();
  }

  /// A line of the process's own. `fill` gets the record.
  template <typename Fill>
  void say(AuditEvent event, Fill fill) {
    if (!audit_) return;
    auto record = std::make_unique<AuditRecord>(event, wall_clock());
    fill(*record);
    say(std::move(record));
  }
  void say(std::unique_ptr<AuditRecord> record) {
    if (!audit_) return;
    AuditQueue& queue = audit_->queue(workers_.size());
    if (!queue.has_room()) return queue.count_full();
    queue.push(std::move(record));
    audit_->waker().wake();
  }
  void set_in_force(AuditRecord& record) const {
    const ProcessState state = collector_->state();
    record.set(AuditField::config, in_force_.config);
    record.set(AuditField::roles, std::uint64_t{state.roles});
    record.set(AuditField::rules, std::uint64_t{state.rules});
  }

  const std::string version_;
  const Log& log_;
  InForce in_force_;
  static constexpr std::string_view kStatusJson = "/status.json";

  Visitors visitors_;
  // Members in the order in which they are needed; the server goes first, the names go last.
  Names names_;
  std::vector<std::unique_ptr<WorkerCounters>> counters_;
  std::unique_ptr<AuditWriter> audit_;
  std::vector<std::unique_ptr<WorkerEvents>> workers_;
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<Notices> notices_;
  std::unique_ptr<HttpServer> http_;
};

std::expected<std::unique_ptr<Observe>, Error> Observe::start(const Options& options,
                                                              const Log& log) {
  std::optional<AuditSink> sink;
  if (!options.audit_log.empty()) {
    auto opened = AuditSink::open(options.audit_log);
    if (!opened) {
      return std::unexpected(
          Error{Error::Key::audit_log, opened.error().message, opened.error().hint});
    }
    sink = std::move(*opened);
  }
  auto impl = std::make_unique<Impl>(options, std::move(sink), log);
  if (options.address) {
    auto http =
        HttpServer::start(options.address->host, options.address->port, *impl, options.http);
    if (!http) {
      return std::unexpected(Error{Error::Key::address, http.error().message, http.error().hint});
    }
    impl->http_ = std::move(*http);
  }
  if (impl->audit_ && !impl->audit_->start()) {
    return std::unexpected(Error{Error::Key::audit_log, "cannot start the audit log's thread",
                                 "raise the limits on threads and open files"});
  }
  return std::unique_ptr<Observe>(new Observe(std::move(impl)));
}

Observe::Observe(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Observe::~Observe() { stop(); }

GatewayEvents& Observe::worker(std::size_t index) { return *impl_->workers_[index]; }

void Observe::set_draining() {
  impl_->collector_->change([](ProcessState& state) {
    state.ready = false;
    state.draining = true;
  });
}

void Observe::set_ready(bool ready) {
  impl_->collector_->change([&](ProcessState& state) { state.ready = ready; });
}

void Observe::on_started() {
  impl_->say(AuditEvent::start, [this](AuditRecord& record) {
    record.set(AuditField::gateway_version, impl_->version_);
    record.set(AuditField::host, host_name());
    record.set(AuditField::pid, static_cast<std::uint64_t>(getpid()));
    impl_->set_in_force(record);
    record.set(AuditField::broker, impl_->in_force_.broker);
  });
}

void Observe::on_stopping(std::string_view why) {
  if (!impl_->audit_) return;
  auto record = std::make_unique<AuditRecord>(AuditEvent::stop, wall_clock());
  record->set(AuditField::detail, why);
  impl_->audit_->set_last(std::move(record));
}

void Observe::set_in_force(InForce in_force) { impl_->in_force_ = std::move(in_force); }

void Observe::set_debug(bool wanted) {
  for (const auto& counters : impl_->counters_) counters->debug_lines.set_wanted(wanted);
}

void Observe::set_stale(bool stale) {
  impl_->collector_->change([&](ProcessState& state) { state.config_stale = stale; });
}

void Observe::on_reload(bool ok, std::size_t errors, std::string_view why) {
  impl_->say(AuditEvent::reload, [&](AuditRecord& record) {
    record.set_flag(AuditField::ok, ok);
    impl_->set_in_force(record);
    if (ok) return;
    record.set(AuditField::errors, std::uint64_t{errors});
    if (!why.empty()) record.set(AuditField::detail, why);
  });
  impl_->collector_->change([&](ProcessState& state) {
    state.last_reload_ok = ok;
    if (ok) {
      ++state.reloads_ok;
      state.last_success = std::chrono::system_clock::now();
    } else {
      ++state.reloads_failed;
    }
  });
}

void Observe::set_certificates(std::vector<CertificateExpiry> certificates) {
  impl_->collector_->change(
      [&](ProcessState& state) { state.certificates = std::move(certificates); });
}

void Observe::set_authorities(std::vector<AuthorityExpiry> authorities) {
  impl_->collector_->change(
      [&](ProcessState& state) { state.authorities = std::move(authorities); });
}

void Observe::set_crls(std::vector<CrlExpiry> crls) {
  impl_->collector_->change([&](ProcessState& state) { state.crls = std::move(crls); });
}

void Observe::set_token(std::string token) { impl_->visitors_.set_token(std::move(token)); }

void Observe::set_limits(std::vector<ConnectionLimit> limits) {
  impl_->collector_->change([&](ProcessState& state) { state.limits = std::move(limits); });
}

void Observe::set_ledger(const LedgerFigures& figures) {
  impl_->collector_->change([&](ProcessState& state) { state.ledger = figures; });
}

void Observe::set_policy(std::size_t roles, std::size_t rules) {
  impl_->collector_->change([&](ProcessState& state) {
    state.roles = roles;
    state.rules = rules;
  });
}

std::vector<Notice> Observe::notices(Instant now, std::chrono::system_clock::time_point wall) {
  auto found = impl_->notices_->look(now, wall);
  for (Notice& notice : found) {
    if (notice.audit == nullptr) continue;
    notice.audit->set(AuditField::broker, impl_->in_force_.broker);
    impl_->say(std::move(notice.audit));
  }
  return found;
}

std::expected<void, Error> Observe::reopen_audit() {
  if (!impl_->audit_) return {};
  auto done = impl_->audit_->reopen();
  if (!done) {
    return std::unexpected(Error{Error::Key::audit_log, done.error().message, done.error().hint});
  }
  return {};
}

void Observe::workers_ended() {
  for (const auto& worker : impl_->workers_) worker->flush();
}

void Observe::stop() {
  impl_->http_.reset();
  if (impl_->audit_) impl_->audit_->stop();
}

std::string Observe::stuck_workers() const {
  return observe::stuck_workers(impl_->counters_, steady_nanos());
}
std::uint16_t Observe::port() const { return impl_->http_ ? impl_->http_->port() : 0; }
std::string Observe::metrics() const { return impl_->metrics(true); }

}  // namespace sallyport::observe
