#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/build_info.h"
#include "sallyport/events.h"
#include "sallyport/settings.h"

#include "observe/log.h"
#include "observe/notice.h"

/// What operators see: metrics, health and the audit log.
namespace sallyport::observe {

struct Address {
  std::string host;        // numeric or a name; without brackets
  std::uint16_t port = 0;  // 0: the system picks one, Observe::port() tells
};

struct Options : settings::Audit {
  BuildInfo build;  // labels of sallyport_build_info
  std::size_t workers = 1;
  std::vector<std::string> listeners;  // names: the only values of the label `listener`
  std::optional<Address> address;  // the status page, /metrics /healthz /readyz; none: not served
  settings::AuditLimits audit_limits;
  settings::Metrics metrics;
  settings::Http http;
};

/// What is in force, for the lines of the audit log that say so.
struct InForce {
  std::string config;  // a hash of all that was read; lower-case hex
  std::string broker;  // "host:port"
};

/// Why start() or reopen_audit() failed, ready to be shown beside the key it is about.
struct Error {
  enum class Key : std::uint8_t { address, audit_log };
  Key key = Key::address;
  std::string message;  // "observe address 127.0.0.1:9464 is in use"
  std::string hint;     // what to do about it; may be empty
};

/// The end of validity of one certificate, under a name such as "listener:devices" or "broker".
struct CertificateExpiry {
  std::string name;
  std::chrono::system_clock::time_point not_after;
};

/// The end of validity of one CA of a bundle ("listener:devices", "broker").
struct AuthorityExpiry {
  std::string bundle;
  std::string name;         // its subject
  std::string fingerprint;  // SHA-256, lower-case hex
  std::chrono::system_clock::time_point not_after;
};

/// When the list of a CA's revoked certificates (CRL) is over.
struct CrlExpiry {
  std::string bundle;
  std::string name;  // the CA's subject
  std::chrono::system_clock::time_point next_update;
};

/// How many connections a listener lets in.
struct ConnectionLimit {
  std::string listener;  // empty: all listeners together
  std::uint64_t most = 0;
};

/// How the ledger's tables do: what they forgot because they were full.
struct LedgerFigures {
  std::uint64_t bytes = 0;
  std::uint64_t evictions = 0;  // accounts that still owed something
  std::uint64_t overflows = 0;  // accounts that found no room
};

/// Owns the metrics, the HTTP server that shows them and the audit log with its writer thread. Made
/// by the composition root before the workers and destroyed after them.
///
/// Thread: start(), stop(), the destructor and what writes lines of its own to the audit log
/// (set_in_force(), on_started(), on_reload(), on_stopping(), notices()) belong to one thread.
/// worker(i) is written to by
/// worker i's thread only. Everything else may be called from any thread; none of it is for a
/// packet's path.
class Observe final {
 public:
  /// Opens the audit log, then binds the address; an error leaves nothing open. `log` outlives the
  /// result. The HTTP server answers from here on, /readyz with 503.
  [[nodiscard]] static std::expected<std::unique_ptr<Observe>, Error> start(const Options& options,
                                                                            const Log& log);
  /// Calls stop().
  ~Observe();
  Observe(const Observe&) = delete;
  Observe& operator=(const Observe&) = delete;

  /// Where worker `index` (< Options::workers) reports to. Lives as long as this object. Its calls
  /// never block: a full audit queue loses the line and counts it.
  [[nodiscard]] GatewayEvents& worker(std::size_t index);

  /// /readyz: true once every listener accepts, false from the beginning of a drain on. A broker
  /// that is down does not make the gateway unready: it still gives clients the answer that the
  /// standard has for that, and if every gateway left its Service at once, clients would get none.
  void set_ready(bool ready);
  /// A drain has begun: not ready any more.
  void set_draining();
  /// All listeners accept: the audit log's first line.
  void on_started();
  /// A reload of configuration, policies or certificates came to its end; `errors` were found, the
  /// first of which is `why`. The start counts as the first successful load.
  void on_reload(bool ok, std::size_t errors = 0, std::string_view why = {});
  /// Whether the files say something else than what is in force.
  void set_stale(bool stale);
  /// Before stop(): the audit log's last line. `why`: "SIGTERM".
  void on_stopping(std::string_view why);
  void set_in_force(InForce in_force);
  /// Whether notices() tells why clients are refused.
  void set_debug(bool wanted);
  /// Replaces what is known about certificates.
  void set_certificates(std::vector<CertificateExpiry> certificates);
  void set_authorities(std::vector<AuthorityExpiry> authorities);
  void set_crls(std::vector<CrlExpiry> crls);
  /// The token that lets a visitor of the address see who clients are; empty: there is none, and
  /// this machine may. Until it is called nobody may.
  void set_token(std::string token);
  /// Replaces what is known about bounds on connections.
  void set_limits(std::vector<ConnectionLimit> limits);
  void set_ledger(const LedgerFigures& figures);
  /// What the policy in force holds.
  void set_policy(std::size_t roles, std::size_t rules);

  /// What is to be said on the operator's log now: the broker cannot be reached, or can be again; a
  /// listener is full; the broker's certificate ends soon. The audit log has been told of what
  /// concerns it. To be asked about once a second, by one
  /// thread; costs no worker anything. `wall`: what certificates are held against.
  [[nodiscard]] std::vector<Notice> notices(Instant now,
                                            std::chrono::system_clock::time_point wall);

  /// Opens the audit log's path again, for logrotate. An error leaves the old file in use. Without
  /// an audit log, or with "stdout", there is nothing to do and no error.
  [[nodiscard]] std::expected<void, Error> reopen_audit();

  /// The workers' threads have ended: hands over what they have summed up and not yet written.
  /// Before stop(); not where a worker may still run.
  void workers_ended();

  /// Stops the HTTP server, writes what the audit queues hold and ends the writer thread; what
  /// cannot be written within two seconds (the reader of a pipe does not read, the disk is full)
  /// is counted as lost and said on the log. May be called twice.
  void stop();

  /// What /healthz would say is wrong: workers whose loops do not turn, a line for each. "":
  /// nothing.
  [[nodiscard]] std::string stuck_workers() const;
  /// The port that the HTTP server listens on; 0: none.
  [[nodiscard]] std::uint16_t port() const;
  /// What /metrics shows, in Prometheus' text format.
  [[nodiscard]] std::string metrics() const;

 private:
  class Impl;
  explicit Observe(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::observe
