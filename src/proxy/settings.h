#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/address.h"
#include "sallyport/session.h"

#include "net/socket.h"
#include "tls/context.h"

/// What the proxy is told: plain values, built whole by the composition root from the
/// configuration. `start` and every reload make a new set; nothing in it changes afterwards.
namespace sallyport::proxy {

struct ListenerSettings {
  std::string name;
  net::Address address;
  std::string address_text;  // as the operator wrote it, for messages
  policy::Origin origin;     // where that stands, for messages
  tls::Context::Ptr tls;     // null: plain TCP
  SessionOptions session;
  /// A side that is slow and takes not one byte for so long is taken for dead. Without it a peer
  /// that never reads would hold its place, and the other side, for ever.
  Duration stall_timeout = std::chrono::seconds(60);
  std::uint32_t max_connections = 10'000;         // all workers together
  std::uint32_t max_connections_per_address = 0;  // 0: no bound
  PrefixLengths address_prefix;                   // the addresses that count as one
  /// Proxies that put a PROXY header before each connection, which then says the address that
  /// counts. Empty: no header is read. Else others than these are not let in.
  std::vector<AddressPrefix> proxy_protocol;
  Duration proxy_header_timeout =
      std::chrono::seconds(5);  // from accept; connect_timeout counts on
  /// Longest PROXY header, in bytes. Version 2 may carry a whole client certificate.
  std::uint32_t max_proxy_header = 4096;
};

struct BrokerSettings {
  std::string host;
  std::uint16_t port = 0;
  tls::Context::Ptr tls;                               // null: plain TCP
  Duration connect_timeout = std::chrono::seconds(5);  // name, TCP and TLS together
  // Of each worker:
  std::uint32_t max_dials = 256;                  // at once
  std::uint32_t dial_queue = 10'000;              // that wait for one of those
  Duration dial_wait = std::chrono::seconds(10);  // each
};

/// What workers look at while they serve: one for all of them, swapped as a whole by a reload.
/// Listeners stand in the order in which they were bound at the start.
struct Snapshot {
  policy::Policy::Ptr policy;
  std::vector<std::shared_ptr<const ListenerSettings>> listeners;
  BrokerSettings broker;
  std::uint32_t max_connections = 0;  // of all listeners and workers together; 0: no bound
};

}  // namespace sallyport::proxy
