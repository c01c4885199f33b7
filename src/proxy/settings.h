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

using TurnBudget = settings::Turn;
using AcceptSettings = settings::Accept;
using FlowSettings = settings::Flow;

struct ListenerSettings : settings::Listener {
  std::string name;
  net::Address address;
  std::string address_text;  // as the operator wrote it, for messages
  policy::Origin origin;     // where that stands, for messages
  tls::Context::Ptr tls;     // null: plain TCP
  SessionOptions session;
  FlowSettings flow;
  PrefixLengths address_prefix;  // the addresses that count as one
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
};

/// What workers look at while they serve: one for all of them, swapped as a whole by a reload.
/// Listeners stand in the order in which they were bound at the start.
struct Snapshot : settings::Gateway {
  policy::Policy::Ptr policy;
  std::vector<std::shared_ptr<const ListenerSettings>> listeners;
  BrokerSettings broker;
  std::string server_reference;  // Drain::server_references as MQTT says them; empty: none
};

}  // namespace sallyport::proxy
