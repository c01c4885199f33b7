#include "observe/observe.h"

#include <algorithm>
#include <random>
#include <sstream>

#include <prometheus/text_serializer.h>

#include "observe/audit_writer.h"
#include "observe/collector.h"
#include "observe/health.h"
#include "observe/http_server.h"
#include "observe/notices.h"
#include "observe/worker_events.h"

namespace sallyport::observe {

class Observe::Impl final : public HttpPages {
 public:
  Impl(const Options& options, std::optional<AuditSink> sink, const Log& log)
      : names_(options.listeners) {
    const std::size_t count = std::max<std::size_t>(options.workers, 1);
    if (sink) {
      audit_ = std::make_unique<AuditWriter>(std::move(*sink), options.audit_log, count,
                                             options.audit_queue, log);
    }
    std::random_device random;
    const auto word = [&random] { return std::uint64_t{random()} << 32 | random(); };
    const HashKey key = {word(), word()};
    for (std::size_t i = 0; i < count; ++i) {
      counters_.push_back(std::make_unique<WorkerCounters>(names_.listeners.size()));
      counters_[i]->heartbeat.store(steady_nanos(), std::memory_order_relaxed);
      workers_.push_back(std::make_unique<WorkerEvents>(
          names_, *counters_[i], audit_ ? &audit_->queue(i) : nullptr,
          audit_ ? &audit_->waker() : nullptr, options.audit_limits, key));
    }
    notices_ = std::make_unique<Notices>(names_, counters_, options.notice_every);
    collector_ = std::make_unique<Collector>(options.version, names_, counters_, audit_.get());
    collector_->change(
        [](ProcessState& state) { state.last_success = std::chrono::system_clock::now(); });
  }

  [[nodiscard]] HttpPage page(std::string_view path) const override {
    if (path == "/metrics") {
      return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics()};
    }
    if (path == "/healthz") return health_page(counters_, steady_nanos());
    if (path == "/readyz") {
      return readiness_page(collector_->state().ready, last_broker_connect(counters_));
    }
    return {.status = 404, .body = {}};
  }

  [[nodiscard]] bool is_costly(std::string_view path) const override { return path == "/metrics"; }

  [[nodiscard]] std::string metrics() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, collector_->Collect());
    return std::move(out).str();
  }

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

void Observe::on_reload(bool ok) {
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

void Observe::set_policy(std::size_t roles, std::size_t rules) {
  impl_->collector_->change([&](ProcessState& state) {
    state.roles = roles;
    state.rules = rules;
  });
}

std::vector<Notice> Observe::notices(Instant now, std::chrono::system_clock::time_point wall) {
  return impl_->notices_->look(now, wall);
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

std::uint16_t Observe::port() const { return impl_->http_ ? impl_->http_->port() : 0; }
std::string Observe::metrics() const { return impl_->metrics(); }

}  // namespace sallyport::observe
