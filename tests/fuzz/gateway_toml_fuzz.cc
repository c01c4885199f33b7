// Gateway files: any text is accepted or explained, and what is accepted is within its bounds.

#include <chrono>
#include <set>

#include "check.h"
#include "config/gateway_file.h"
#include "input.h"
#include "toml.h"

using namespace sallyport;
using namespace sallyport::fuzz;

namespace {

void check_endpoint(const config::Endpoint& endpoint) {
  must(!endpoint.host.empty() && endpoint.port != 0, "an address has a host and a port");
}

std::uint64_t count(std::uint16_t value) { return value; }
std::uint64_t count(std::uint32_t value) { return value; }
std::uint64_t count(Duration value) {
  return static_cast<std::uint64_t>(value / std::chrono::milliseconds(1));
}

void check_bounds(const Bounds& bounds) {
  for_each_bound([&bounds](const BoundRow& row, auto field) {
    if constexpr (requires { count(bounds.*field); }) {
      must(count(bounds.*field) >= row.least && count(bounds.*field) <= row.most,
           "a bound is within its range");
    }
  });
  must(bounds.max_packet_before_connect <= bounds.max_packet, "less room before CONNECT");
  must(bounds.min_keep_alive <= bounds.max_keep_alive, "a client can keep to a keep-alive");
}

void check_options(const config::GatewayOptions& options) {
  check_endpoint(options.broker.address);
  must(options.broker.connect_timeout > Duration::zero() &&
           options.broker.connack_timeout > Duration::zero(),
       "the broker has time to answer");
  if (options.broker.tls) {
    const bool pinned = options.broker.tls->verify == tls::Verify::pinned;
    must(options.broker.tls->ca.empty() == pinned && options.broker.tls->pins.empty() != pinned &&
             !options.broker.tls->server_name.empty(),
         "the broker's certificate is checked");
    must(options.broker.tls->certificate.empty() == options.broker.tls->key.empty(),
         "certificate and key go together");
  }
  must(!options.listeners.empty(), "somebody listens");
  std::set<std::string> names;
  for (const config::ListenerOptions& listener : options.listeners) {
    must(!listener.name.empty() && names.insert(listener.name).second, "under a name of its own");
    check_endpoint(listener.address);
    check_bounds(listener.bounds);
    must(listener.max_connections != 0, "connections are bounded");
    must(listener.low_water < listener.high_water && listener.high_water <= listener.choke_water,
         "a slow side becomes fast again before the other is choked");
    must(listener.v4 <= 32 && listener.v6 <= 128, "a prefix is part of an address");
    must(listener.proxy_header_timeout > Duration::zero() && listener.max_proxy_header >= 107,
         "a proxy has time and room for its header");
    if (!listener.tls) continue;
    must(!listener.tls->certificate.empty() && !listener.tls->key.empty(), "TLS has a certificate");
    must((listener.tls->client_certificate == tls::ClientCertificate::none) ==
             listener.tls->client_ca.empty(),
         "clients' certificates are checked where they are asked for");
  }
  must(!options.policy_files.empty(), "there is a policy");
  for (const std::string& file : options.policy_files) must(!file.empty(), "with a name");
  if (options.observe.address) check_endpoint(*options.observe.address);
  must(options.observe.audit_queue >= 16, "the audit log has a queue");
  const settings::Turn& turn = options.turn;
  must(turn.read_bytes != 0 && turn.packets != 0 && turn.handshakes != 0 && turn.accepts != 0 &&
           turn.sessions != 0,
       "every round does something");
  must(options.broker.max_dials != 0, "the broker is dialled");
  must(options.ledger.meters >= 1024 && options.ledger.connects >= 1024, "accounts have room");
  must(options.drain.timeout >= Duration::zero(), "the end comes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  config::GatewayOptions options;
  const auto read = [&options](const config::Node& root, config::Diagnostics& diagnostics) {
    options = config::read_gateway_file(root, kFile, config::Problems(kFile, diagnostics));
  };
  if (check_text(as_text({data, size}), read)) check_options(options);
  return 0;
}
