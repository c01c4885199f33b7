#include "app/settings.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <system_error>

#include <unistd.h>

#include "config/gateway_file.h"

namespace sallyport::app {

namespace {

// Of one bundle: each is a series of the metrics.
constexpr std::size_t kMostAuthorities = 100;

/// By the name of the listener, so that a reload finds again who has used how much of it.
RateLimit connect_limit(const config::ListenerOptions& listener) {
  RateLimit limit;
  limit.name = listener.name;
  limit.messages = *listener.connects_per_client;
  limit.burst = listener.connect_burst;
  limit.precompute();
  return limit;
}

/// "workers.count" as "[workers] count", "listener.name" as "[[listener]] "devices" name".
std::string title(const config::KeyInfo& key) {
  const std::size_t dot = key.path.find('.');
  const std::string section = "[" + key.path.substr(0, dot) + "]";
  const std::string owned = "[" + section + "] \"" + key.owner + "\"";
  return (key.owner.empty() ? section : owned) + " " + key.path.substr(dot + 1);
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
  static_cast<settings::Gateway&>(*snapshot) = options;
  for (const std::string& server : options.drain.server_references) {
    if (!snapshot->server_reference.empty()) snapshot->server_reference += ' ';
    snapshot->server_reference += server;
  }
  snapshot->policy = assembled.policy;
  snapshot->broker.host = options.broker.address.host;
  snapshot->broker.port = options.broker.address.port;
  snapshot->broker.tls = assembled.broker_tls;
  static_cast<settings::Broker&>(snapshot->broker) = options.broker;
  for (std::size_t i = 0; i < options.listeners.size(); ++i) {
    const config::ListenerOptions& from = options.listeners[i];
    auto to = std::make_shared<proxy::ListenerSettings>();
    static_cast<settings::Listener&>(*to) = from;
    to->name = from.name;
    // The loader accepts numeric addresses only, so there is one.
    to->address = net::Address::parse(from.address.host, from.address.port).value();
    to->address_text = from.address.to_string();
    to->origin = from.address.origin;
    to->tls = assembled.listener_tls[i];
    to->session.bounds = from.bounds;
    to->flow = from;
    to->address_prefix = from;
    to->session.max_held = from.max_held;
    to->session.queued_replies = from.queued_replies;
    to->session.broker_gathered = options.broker.max_gathered;
    to->session.login_timeout = options.login.timeout;
    to->session.broker_timeout = options.broker.connack_timeout;
    to->session.faults = options.broker;
    to->session.hash_key = random_key();
    to->session.ledger = &ledger;
    if (from.connects_per_client) to->session.connects = connect_limit(from);
    snapshot->listeners.push_back(std::move(to));
  }
  return snapshot;
}

observe::Options observe_options(const config::GatewayOptions& options, const BuildInfo& build,
                                 std::size_t workers) {
  observe::Options result;
  static_cast<settings::Audit&>(result) = options.observe;
  result.audit_limits = options.observe;
  result.metrics = options.observe;
  result.http = options.observe;
  result.build = build;
  result.workers = workers;
  for (const auto& listener : options.listeners) result.listeners.push_back(listener.name);
  if (const auto& address = options.observe.address) {
    result.address = observe::Address{address->host, address->port};
  }
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

std::vector<observe::AuthorityExpiry> authorities(const Assembled& assembled) {
  std::vector<observe::AuthorityExpiry> result;
  const auto add = [&result](const std::string& bundle, const tls::Context::Ptr& context) {
    if (context == nullptr) return;
    std::vector<tls::Authority> all(context->authorities().begin(), context->authorities().end());
    std::ranges::stable_sort(all, {}, &tls::Authority::not_after);
    if (all.size() > kMostAuthorities) all.resize(kMostAuthorities);
    for (tls::Authority& one : all) {
      result.push_back({bundle, std::move(one.name), std::move(one.fingerprint), one.not_after});
    }
  };
  for (std::size_t i = 0; i < assembled.listener_tls.size(); ++i) {
    add("listener:" + assembled.options.listeners[i].name, assembled.listener_tls[i]);
  }
  add("broker", assembled.broker_tls);
  return result;
}

std::vector<observe::CrlExpiry> crls(const Assembled& assembled) {
  std::vector<observe::CrlExpiry> result;
  for (std::size_t i = 0; i < assembled.listener_tls.size(); ++i) {
    if (assembled.listener_tls[i] == nullptr) continue;
    std::vector<tls::CrlInfo> all = assembled.listener_tls[i]->crls();
    std::ranges::stable_sort(all, {}, &tls::CrlInfo::next_update);
    if (all.size() > kMostAuthorities) all.resize(kMostAuthorities);
    const std::string bundle = "listener:" + assembled.options.listeners[i].name;
    for (tls::CrlInfo& one : all) {
      result.push_back({bundle, std::move(one.ca), one.next_update});
    }
  }
  return result;
}

std::vector<observe::ConnectionLimit> connection_limits(const config::GatewayOptions& options,
                                                        std::uint32_t most_by_files) {
  const std::uint32_t most = options.max_connections;
  std::vector<observe::ConnectionLimit> limits;
  limits.push_back({"", most == 0 ? most_by_files : std::min(most, most_by_files)});
  for (const config::ListenerOptions& listener : options.listeners) {
    limits.push_back({listener.name, listener.max_connections});
  }
  return limits;
}

std::vector<std::string> restart_needed(const config::GatewayOptions& started,
                                        const config::GatewayOptions& now) {
  std::map<std::string, std::string> before;
  for (const config::KeyInfo& key : config::list_gateway_keys(started)) {
    before[title(key)] = key.value;
  }
  std::vector<std::string> lines;
  for (const config::KeyInfo& key : config::list_gateway_keys(now)) {
    const auto was = before.find(title(key));
    if (key.change != config::Change::restart || was == before.end()) continue;
    if (was->second != key.value) lines.push_back(was->first + " changed");
  }
  return lines;
}

}  // namespace sallyport::app
