#include "app/settings.h"

#include <cerrno>
#include <system_error>

#include <unistd.h>

namespace sallyport::app {

namespace {

std::string text_of(const std::optional<config::Endpoint>& endpoint) {
  return endpoint ? endpoint->to_string() : "";
}

/// By the name of the listener, so that a reload finds again who has used how much of it.
RateLimit connect_limit(const config::ListenerOptions& listener) {
  const ConnectRate& connects = *listener.connects_per_client;
  RateLimit limit;
  limit.name = listener.name;
  limit.messages = connects.rate;
  limit.burst = connects.burst;
  limit.precompute();
  return limit;
}

}  // namespace

HashKey random_key() {
  HashKey key{};
  if (getentropy(key.data(), sizeof(key)) != 0) {
    throw std::system_error(errno, std::generic_category(), "getentropy");
  }
  return key;
}

std::shared_ptr<const proxy::Snapshot> snapshot_of(const Assembled& assembled, Ledger& ledger) {
  const config::GatewayOptions& options = assembled.options;
  auto snapshot = std::make_shared<proxy::Snapshot>();
  snapshot->policy = assembled.policy;
  snapshot->broker.host = options.broker.address.host;
  snapshot->broker.port = options.broker.address.port;
  snapshot->broker.tls = assembled.broker_tls;
  snapshot->broker.connect_timeout = options.broker.connect_timeout;
  for (std::size_t i = 0; i < options.listeners.size(); ++i) {
    const config::ListenerOptions& from = options.listeners[i];
    auto to = std::make_shared<proxy::ListenerSettings>();
    to->name = from.name;
    // The loader accepts numeric addresses only, so there is one.
    to->address = net::Address::parse(from.address.host, from.address.port).value();
    to->address_text = from.address.to_string();
    to->origin = from.address.origin;
    to->tls = assembled.listener_tls[i];
    to->session.bounds = from.bounds;
    to->session.broker_timeout = options.broker.connack_timeout;
    to->session.hash_key = random_key();
    to->session.ledger = &ledger;
    if (from.connects_per_client) to->session.connects = connect_limit(from);
    to->max_connections = from.max_connections;
    to->max_connections_per_address = from.max_connections_per_address;
    snapshot->listeners.push_back(std::move(to));
  }
  return snapshot;
}

observe::Options observe_options(const config::GatewayOptions& options, std::string_view version,
                                 std::size_t workers) {
  observe::Options result;
  result.version = version;
  result.workers = workers;
  for (const auto& listener : options.listeners) result.listeners.push_back(listener.name);
  if (const auto& address = options.observe.address) {
    result.address = observe::Address{address->host, address->port};
  }
  result.audit_log = options.observe.audit_log;
  result.audit_queue = options.observe.audit_queue;
  return result;
}

std::vector<observe::CertificateExpiry> expiries(const Assembled& assembled) {
  std::vector<observe::CertificateExpiry> result;
  for (std::size_t i = 0; i < assembled.listener_tls.size(); ++i) {
    if (const auto& context = assembled.listener_tls[i]; context != nullptr) {
      result.push_back({"listener:" + assembled.options.listeners[i].name, context->not_after()});
    }
  }
  const auto& broker = assembled.broker_tls;
  if (broker != nullptr && broker->not_after().time_since_epoch().count() != 0) {
    result.push_back({"broker", broker->not_after()});
  }
  return result;
}

std::vector<std::string> restart_needed(const config::GatewayOptions& started,
                                        const config::GatewayOptions& now) {
  std::vector<std::string> keys;
  const auto compare = [&](bool same, const char* key) {
    if (!same) keys.push_back(std::string(key) + " changed");
  };
  compare(started.workers == now.workers, "[workers] count");
  compare(text_of(started.observe.address) == text_of(now.observe.address), "[observe] address");
  compare(started.observe.audit_log == now.observe.audit_log, "[observe] audit_log");
  compare(started.observe.audit_queue == now.observe.audit_queue, "[observe] audit_queue");
  compare(started.admin.socket == now.admin.socket, "[admin] socket");
  compare(started.log_level == now.log_level, "[log] level");
  return keys;
}

}  // namespace sallyport::app
