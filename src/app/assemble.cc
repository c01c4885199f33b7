#include "app/assemble.h"

#include <utility>

#include "app/token.h"

namespace sallyport::app {

namespace {

/// Files that change while they are read are read again so often.
constexpr int kAttempts = 5;

/// TLS errors read "<file> <what>; <what to do>", and stand where the files are named.
void report(const std::vector<tls::TlsError>& errors, const policy::Origin& origin,
            config::Diagnostics& diagnostics) {
  for (const tls::TlsError& error : errors) {
    const std::size_t end = error.message.find("; ");
    config::Diagnostic diagnostic;
    diagnostic.origin = error.line == 0 ? origin : Origin{error.file, error.line, 1};
    diagnostic.message = error.file.empty() || error.line != 0 ? "" : error.file + " ";
    diagnostic.message += error.message.substr(0, end);
    if (end != std::string::npos) diagnostic.hint = error.message.substr(end + 2);
    diagnostics.push_back(std::move(diagnostic));
  }
}

/// Has load_gateway() reported already that something here is missing?
bool is_complete(const tls::ServerOptions& options) {
  const bool asks = options.client_certificate != tls::ClientCertificate::none;
  return !options.certificate.empty() && !options.key.empty() && asks == !options.client_ca.empty();
}
bool is_complete(const tls::ClientOptions& options) {
  const bool pinned = options.verify == tls::Verify::pinned;
  return options.pins.empty() != pinned && options.ca.empty() == pinned &&
         options.max_version.value_or(options.min_version) >= options.min_version &&
         !options.server_name.empty() && options.certificate.empty() == options.key.empty();
}

tls::Context::Ptr take(tls::Context::Result result, const policy::Origin& origin,
                       config::Diagnostics& diagnostics) {
  if (result) return std::move(*result);
  report(result.error(), origin, diagnostics);
  return nullptr;
}

/// Replaces the patterns by the files that they name.
void name_files(tls::RevocationOptions& options, config::Diagnostics& diagnostics) {
  const auto name = [&](std::vector<std::string>& patterns, std::string_view what,
                        const policy::Origin& origin) {
    patterns = config::find_files(patterns, what, origin, diagnostics);
  };
  name(options.crl, "CRL", options.crl_origin);
  name(options.deny_lists, "deny list", options.deny_origin);
  name(options.exception_lists, "exception list", options.exception_origin);
}

std::expected<Assembled, config::Diagnostics> load(const std::string& path) {
  config::Diagnostics diagnostics;
  Assembled all;
  all.options = config::load_gateway(path, diagnostics);
  const bool gateway_is_good = diagnostics.empty();

  if (gateway_is_good || !all.options.policy_files.empty()) {
    config::GatewayOptions options = all.options;
    // Half of the listeners would make a role look wrong that is not.
    if (!gateway_is_good) options.listeners.clear();
    auto policy = config::load_policy(options);
    if (policy) {
      all.policy = std::move(*policy);
    } else {
      diagnostics.insert(diagnostics.end(), policy.error().begin(), policy.error().end());
    }
  }

  for (const config::ListenerOptions& listener : all.options.listeners) {
    tls::Context::Ptr context;
    if (listener.tls && (gateway_is_good || is_complete(*listener.tls))) {
      tls::ServerOptions options = *listener.tls;
      name_files(options, diagnostics);
      context = take(tls::Context::load_server(options), listener.tls_origin, diagnostics);
    }
    all.listener_tls.push_back(std::move(context));
  }
  const config::BrokerOptions& broker = all.options.broker;
  if (broker.tls && (gateway_is_good || is_complete(*broker.tls))) {
    all.broker_tls = take(tls::Context::load_client(*broker.tls), broker.tls_origin, diagnostics);
  }

  if (const std::string& path_of_token = all.options.observe.token; !path_of_token.empty()) {
    auto token = load_token(path_of_token);
    if (token) {
      all.observe_token = std::move(*token);
    } else {
      diagnostics.push_back(
          {{path, 0, 0}, "[observe] token " + token.error().message, token.error().hint});
    }
  }

  if (diagnostics.empty()) return all;
  config::sort(diagnostics);
  return std::unexpected(std::move(diagnostics));
}

}  // namespace

std::expected<Assembled, config::Diagnostics> assemble(const std::string& path) {
  Inputs before = look_at(path);
  for (int i = 0; i < kAttempts; ++i) {
    auto all = load(path);
    Inputs behind = look_at(path);
    if (behind == before) {
      if (all) all->inputs = std::move(before);
      return all;
    }
    before = std::move(behind);
  }
  return std::unexpected(config::Diagnostics{
      {{path, 0, 0},
       "this file, or one that it names, changed each time that all of them were read",
       "try again when nobody writes to them"}});
}

}  // namespace sallyport::app
