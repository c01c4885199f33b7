#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/bounds.h"
#include "sallyport/policy.h"
#include "sallyport/rate.h"

#include "tls/context.h"

/// gateway.toml as plain values, defaults filled in, paths resolved against the file's folder.
namespace sallyport::config {

/// "127.0.0.1:1883", "[::1]:8883", "broker.local:1883".
struct Endpoint {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  policy::Origin origin;  // for messages about it ("port in use") after loading
  [[nodiscard]] std::string to_string() const;
};

struct BrokerOptions {
  Endpoint address;
  std::optional<tls::ClientOptions> tls;
  policy::Origin tls_origin;
  Duration connect_timeout = std::chrono::seconds(5);   // TCP and TLS
  Duration connack_timeout = std::chrono::seconds(10);  // dial to CONNACK
};

struct ListenerOptions {
  std::string name;
  Endpoint address;                       // numeric; "0.0.0.0" and "::" for all
  std::optional<tls::ServerOptions> tls;  // none: plain TCP
  policy::Origin tls_origin;
  Bounds bounds;
  std::uint32_t max_connections = 10'000;          // all workers together
  std::uint32_t max_connections_per_address = 0;   // 0: no limit
  std::optional<ConnectRate> connects_per_client;  // none: no limit
};

struct ObserveOptions {
  std::optional<Endpoint> address;  // /metrics /healthz /readyz; none: not served
  std::string audit_log;            // path, "stdout", or "" for none
  policy::Origin audit_origin;
  std::uint32_t audit_queue = 8192;  // lines waiting to be written; more are counted as lost
};

struct AdminOptions {
  std::string socket;  // path of the admin socket; "": none
};

struct GatewayOptions {
  std::string file;  // the path it was loaded from
  BrokerOptions broker;
  std::vector<ListenerOptions> listeners;
  std::uint32_t workers = 0;              // 0: one per core
  std::vector<std::string> policy_files;  // globs, resolved against the folder of `file`
  policy::Origin policy_origin;
  ObserveOptions observe;
  AdminOptions admin;
  std::string log_level = "info";  // debug, info, warn, error
  Duration drain_timeout = std::chrono::seconds(10);
};

}  // namespace sallyport::config
