#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/address.h"
#include "sallyport/bounds.h"
#include "sallyport/origin.h"
#include "sallyport/rate.h"
#include "sallyport/settings.h"

#include "tls/context.h"

/// gateway.toml as plain values, defaults filled in, paths resolved against the file's folder. A
/// default stands here only where no other part knows the value.
namespace sallyport::config {

/// "127.0.0.1:1883", "[::1]:8883", "broker.local:1883".
struct Endpoint {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  Origin origin;  // for messages about it ("port in use") after loading
  [[nodiscard]] std::string to_string() const;
};

struct BrokerOptions : settings::Broker, settings::BrokerFaults {
  Endpoint address;
  std::optional<tls::ClientOptions> tls;
  Origin tls_origin;
};

struct ListenerOptions : settings::Listener, settings::Flow, settings::Inspection, PrefixLengths {
  std::string name;
  Endpoint address;                       // numeric; "0.0.0.0" and "::" for all
  std::optional<tls::ServerOptions> tls;  // none: plain TCP
  Origin tls_origin;
  Bounds bounds;
  std::optional<Rate> connects_per_client;            // none: no limit
  std::uint32_t connect_burst = ConnectRate().burst;  // how many of them may come at once
};

struct ObserveOptions : settings::Audit, settings::AuditLimits, settings::Metrics, settings::Http {
  std::optional<Endpoint> address;  // /metrics /healthz /readyz / ; none: not served
  std::string token;                // file of the token that shows who clients are; "": none
  Origin audit_origin;
};

struct AdminOptions : settings::Admin {
  std::string socket;  // path of the admin socket; "": none
  Origin origin;
};

struct GatewayOptions : settings::Gateway {
  std::string file;  // the path it was loaded from
  BrokerOptions broker;
  Bounds bounds;  // [limits]: what every listener begins with
  std::vector<ListenerOptions> listeners;
  std::uint32_t workers = 0;              // 0: one per core
  std::vector<std::string> policy_files;  // globs, resolved against the folder of `file`
  Origin policy_origin;
  settings::Ledger ledger;
  settings::Login login;
  ObserveOptions observe;
  AdminOptions admin;
  settings::Log log;
  settings::Reload reload;
};

}  // namespace sallyport::config
