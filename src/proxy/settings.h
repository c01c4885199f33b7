#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sallyport/address.h"
#include "sallyport/session.h"
#include "sallyport/settings.h"

#include "auth/authenticator.h"
#include "net/socket.h"
#include "tls/context.h"

/// What the proxy is told: plain values, built whole by the composition root from the
/// configuration. `start` and every reload make a new set; nothing in it changes afterwards.
namespace sallyport::proxy {

/// What a worker's loop may spend on one thing before it looks at the others again. A round is one
/// poll of all sockets and what follows from it; what is left over goes on in the next one.
/// bench/beside.py shows what that does for the others.
struct TurnBudget {
  /// Bytes that one socket brings in a round. Larger reads share the cost of a turn between more
  /// packets; smaller ones let the others in earlier while one side sends as fast as it can.
  std::uint32_t read_bytes = 128 * 1024;
  /// What is decided for each side of a connection in a round, in the unit of Turn::work. It is
  /// what a flood of small packets costs the others.
  std::uint32_t packets = 256;
  /// Steps of TLS handshakes in a round, of all connections together: each may cost a signature,
  /// which is more than hundreds of packets. They come behind what is established.
  std::uint32_t handshakes = 4;
  /// Connections that one listener accepts in a round: each costs a TLS engine.
  std::uint32_t accepts = 8;
  /// Sessions that a reload, a drain or a command looks at in a round. One that is judged anew
  /// costs about 14,000 instructions, so 200 are below 5 ms.
  std::uint32_t sessions = 200;
};

/// How accepting copes with a process or a system that has no descriptors or memory left.
struct AcceptSettings {
  Duration pause = std::chrono::milliseconds(100);  // before accept() is tried again
  Duration say_every = std::chrono::seconds(10);    // Watcher::on_accept_paused at most so often
};

/// What one connection may hold for its two sides, and how long its end may take.
struct FlowSettings {
  /// A side is slow once so many bytes wait for it, and until no more than `low_water` are left.
  /// While it is slow the other side is not read.
  std::size_t high_water = 128 * 1024;
  std::size_t low_water = 32 * 1024;
  /// A side that does not even take the answers to what it sends itself is not read either.
  std::size_t choke_water = 256 * 1024;
  /// After the last word: how long bytes that wait are still sent, and how long the peer has for
  /// its own end once they are, and how many bytes of it are read and thrown away meanwhile.
  Duration flush_time = std::chrono::seconds(10);
  Duration linger = std::chrono::seconds(2);
  std::uint32_t discard = 1024 * 1024;
};

struct ListenerSettings : settings::Listener {
  std::string name;
  net::Address address;
  std::string address_text;  // as the operator wrote it, for messages
  policy::Origin origin;     // where that stands, for messages
  tls::Context::Ptr tls;     // null: plain TCP
  SessionOptions session;
  FlowSettings flow;
  PrefixLengths address_prefix;  // the addresses that count as one
  /// Proxies that put a PROXY header before each connection, which then says the address that
  /// counts. Empty: no header is read. Else others than these are not let in.
  std::vector<AddressPrefix> proxy_protocol;
  Duration proxy_header_timeout =
      std::chrono::seconds(5);  // from accept; connect_timeout counts on
  /// Longest PROXY header, in bytes. Version 2 may carry a whole client certificate.
  std::uint32_t max_proxy_header = 4096;

  /// Who is asked about every CONNECT; null: nobody. Set by ask(), so that no session can miss it.
  std::shared_ptr<auth::Authenticator> authenticator;
  void ask(std::shared_ptr<auth::Authenticator> whom) {
    session.authenticate = whom != nullptr;
    authenticator = std::move(whom);
  }
};

struct BrokerSettings : settings::Broker {
  std::string host;
  std::uint16_t port = 0;
  tls::Context::Ptr tls;  // null: plain TCP
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
  TurnBudget turn;
  AcceptSettings accept;
  /// Commands of an operator that may wait for their answers at once; each holds a list at most.
  std::uint32_t questions = 16;
  std::uint32_t max_connections = 0;  // of all listeners and workers together; 0: no bound
};

}  // namespace sallyport::proxy
