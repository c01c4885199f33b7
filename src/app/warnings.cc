#include "app/warnings.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>

#include <sys/resource.h>

#include "app/tls_warnings.h"
#include "net/socket.h"

namespace sallyport::app {

namespace {

// Files, pipes and sockets that are not connections: per process, and per worker.
constexpr std::uint64_t kFilesOfProcess = 64;
constexpr std::uint64_t kFilesOfWorker = 16;

/// A name may lead anywhere, except for the one that everybody has for this host.
bool is_local(const config::Endpoint& endpoint) {
  const auto address = net::Address::parse(endpoint.host, endpoint.port);
  return address ? address->is_loopback() : endpoint.host == "localhost";
}

/// Would somebody who shows neither a certificate nor a username be let in?
bool admits_anybody(const Assembled& assembled, const config::ListenerOptions& listener) {
  Identity nobody;
  nobody.listener = listener.name;
  nobody.address = "192.0.2.1";  // of a block that is in nobody's network. RFC 5737
  nobody.client_id = "anybody";
  return policy::Policy::admit(assembled.policy, nobody, mqtt::Version::v3_1_1).has_value();
}

/// Every connection has two sockets.
void warn_files(const config::GatewayOptions& options, std::size_t workers,
                const observe::Log& log) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  std::uint64_t needed = kFilesOfProcess + workers * (kFilesOfWorker + options.listeners.size());
  std::uint64_t connections = 0;
  for (const auto& listener : options.listeners) connections += listener.max_connections;
  if (options.max_connections != 0) {
    connections = std::min<std::uint64_t>(connections, options.max_connections);
  }
  needed += 2 * connections;
  if (limit.rlim_cur < needed) {
    log.warn("this process may open " + std::to_string(limit.rlim_cur) +
             " files, but as many connections as its listeners allow (max_connections) need " +
             std::to_string(needed) +
             ": raise the limit (LimitNOFILE, ulimit -n) or lower max_connections");
  }
}

}  // namespace

void warn(const Assembled& assembled, std::size_t workers, const observe::Log& log) {
  const config::GatewayOptions& options = assembled.options;
  warn_files(options, workers, log);
  for (const std::string& line : tls_warnings(assembled, std::chrono::system_clock::now())) {
    log.warn(line);
  }
  for (const config::ListenerOptions& listener : options.listeners) {
    const std::string name = "listener \"" + listener.name + "\"";
    if (is_local(listener.address)) continue;
    if (!listener.tls) {
      log.warn(name + ": " + listener.address.to_string() +
               " takes connections without TLS from other hosts; passwords and messages can be "
               "read and changed on the way");
    }
    const bool certified =
        listener.tls && listener.tls->client_certificate == tls::ClientCertificate::required;
    if (!certified && admits_anybody(assembled, listener)) {
      log.warn(name +
               ": the policy admits clients that show neither a certificate nor a username; give "
               "the role a `match`, or ask for client certificates");
    }
  }
  if (!options.broker.tls && !is_local(options.broker.address)) {
    log.warn("broker " + options.broker.address.to_string() +
             " is spoken to without TLS across a network");
  }
  if (options.observe.address && !is_local(*options.observe.address)) {
    log.warn("metrics on " + options.observe.address->to_string() +
             " can be read by other hosts, without a password");
  }
}

void ignore_sigpipe() { std::signal(SIGPIPE, SIG_IGN); }

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  // Where it cannot be raised, it stays, and warn() says so.
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace sallyport::app
