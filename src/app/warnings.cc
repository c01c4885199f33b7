#include "app/warnings.h"

#include <algorithm>
#include <chrono>
#include <string>

#include <sys/resource.h>

#include "app/tls_warnings.h"
#include "net/socket.h"

namespace sallyport::app {

namespace {

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
void warn_files(const config::GatewayOptions& options, std::uint64_t most_by_files,
                const observe::Log& log) {
  std::uint64_t connections = 0;
  for (const auto& listener : options.listeners) connections += listener.max_connections;
  if (options.max_connections != 0) {
    connections = std::min<std::uint64_t>(connections, options.max_connections);
  }
  rlimit limit{};
  if (most_by_files >= connections || getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  log.warn("this process may open " + std::to_string(limit.rlim_cur) + " files, enough for " +
           std::to_string(most_by_files) + " connections, but its listeners allow " +
           std::to_string(connections) +
           " (max_connections): raise the limit (LimitNOFILE, ulimit -n) to " +
           std::to_string(limit.rlim_cur + 2 * (connections - most_by_files)) +
           " or lower max_connections; what is too many is refused (connection.no-files)");
}

}  // namespace

void warn(const Assembled& assembled, std::uint64_t most_by_files, const observe::Log& log) {
  const config::GatewayOptions& options = assembled.options;
  warn_files(options, most_by_files, log);
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

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  // Where it cannot be raised, it stays, and warn() says so.
  static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
}

}  // namespace sallyport::app
