#include "app/assemble.h"

#include <fstream>
#include <set>
#include <utility>

#include "sallyport/bytes.h"

#include "app/token.h"
#include "config/gateway_file.h"
#include "tls/fingerprint.h"

namespace sallyport::app {

namespace {

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

/// The gateway file, and what it names but policies.
std::vector<std::string> files_of(const config::GatewayOptions& options) {
  std::vector<std::string> files = {options.file};
  for (const config::KeyInfo& key : config::list_gateway_keys(options)) {
    if (!key.file.empty()) files.push_back(key.file);
  }
  return files;
}

/// Replaces the patterns by the files that they name, and adds those to `files`.
void name_files(tls::RevocationOptions& options, std::vector<std::string>& files,
                config::Diagnostics& diagnostics) {
  const auto name = [&](std::vector<std::string>& patterns, std::string_view what,
                        const Origin& origin) {
    patterns = config::find_files(patterns, what, origin, diagnostics);
    files.insert(files.end(), patterns.begin(), patterns.end());
  };
  name(options.crl, "CRL", options.crl_origin);
  name(options.deny_lists, "deny list", options.deny_origin);
  name(options.exception_lists, "exception list", options.exception_origin);
}

/// Each once, in the order in which they came.
void drop_repeated(std::vector<std::string>& files) {
  std::set<std::string> seen;
  std::erase_if(files, [&seen](const std::string& file) { return !seen.insert(file).second; });
}

/// A file that goes away meanwhile counts as an empty one: what is in force was read before. Some
/// are private keys, so no copy of a file stays behind: the stream has no buffer of its own, and
/// Buffer overwrites what it lets go.
std::string hash_of(const std::vector<std::string>& files) {
  constexpr std::size_t kAtOnce = 64 * 1024;
  tls::Sha256 hash;
  for (const std::string& file : files) {
    std::ifstream in;
    in.rdbuf()->pubsetbuf(nullptr, 0);
    in.open(file, std::ios::binary);
    Buffer bytes;
    while (in) {
      in.read(reinterpret_cast<char*>(bytes.prepare(kAtOnce).data()), kAtOnce);
      bytes.commit(static_cast<std::size_t>(in.gcount()));
    }
    hash.add(bytes.bytes());
    bytes.wipe();
  }
  return tls::to_hex(hash.finish());
}

}  // namespace

std::expected<Assembled, config::Diagnostics> assemble(const std::string& path) {
  config::Diagnostics diagnostics;
  Assembled all;
  all.options = config::load_gateway(path, diagnostics);
  const bool gateway_is_good = diagnostics.empty();
  all.files = files_of(all.options);

  if (gateway_is_good || !all.options.policy_files.empty()) {
    config::GatewayOptions options = all.options;
    // Half of the listeners would make a role look wrong that is not.
    if (!gateway_is_good) options.listeners.clear();
    auto policy = config::load_policy(options, all.files);
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
      name_files(options, all.files, diagnostics);
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

  drop_repeated(all.files);
  if (diagnostics.empty()) {
    all.hash = hash_of(all.files);
    return all;
  }
  config::sort(diagnostics);
  return std::unexpected(std::move(diagnostics));
}

}  // namespace sallyport::app
