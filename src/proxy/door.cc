#include "proxy/door.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <sys/resource.h>

namespace sallyport::proxy {

Door::Door(std::size_t listeners) {
  for (std::size_t i = 0; i != listeners; ++i) listeners_.push_back(std::make_unique<Counts>());
}

std::expected<Door::Slot, Check> Door::accepted(const Snapshot& snapshot, std::size_t listener,
                                                const IpAddress& peer) {
  const ListenerSettings& settings = *snapshot.listeners[listener];
  const std::vector<AddressPrefix>& proxies = settings.proxy_protocol;
  if (!proxies.empty() && std::ranges::none_of(proxies, [&](const AddressPrefix& prefix) {
        return prefix.contains(peer);
      })) {
    return std::unexpected(Check::proxy_untrusted);
  }
  auto of_gateway = gateway_.enter(snapshot.max_connections);
  if (!of_gateway) return std::unexpected(Check::max_connections_gateway);
  if (gateway_.open() > most_by_files(snapshot.files.held_back)) {  // this one is counted already
    return std::unexpected(Check::max_connections_files);
  }
  Counts& counts = *listeners_[listener];
  auto of_listener = counts.total.enter(settings.max_connections);
  if (!of_listener) return std::unexpected(Check::max_connections);
  Slot slot(std::move(*of_gateway), std::move(*of_listener), counts.by_address);
  if (proxies.empty()) {
    if (const auto refused = addressed(slot, settings, peer)) return std::unexpected(*refused);
  }
  return slot;
}

std::optional<Check> Door::addressed(Slot& slot, const ListenerSettings& listener,
                                     const IpAddress& address) {
  auto place = slot.addresses_->enter(prefix_of(address, listener.address_prefix),
                                      listener.max_connections_per_address);
  if (!place) return Check::max_connections_per_address;
  slot.address_.emplace(std::move(*place));
  return std::nullopt;
}

tls::Standing Door::shaken(const ListenerSettings& listener, const Certificate* certificate,
                           std::chrono::system_clock::time_point now) const {
  if (listener.tls != nullptr) return listener.tls->judge(certificate, now);
  if (certificate == nullptr) return {};
  return {.failure = {Check::certificate_untrusted, "the listener is without TLS now"}};
}

std::uint32_t Door::most_by_files(std::uint32_t held_back) const {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<std::uint32_t>::max();
  }
  return connections_for(limit.rlim_cur, own_files_, held_back);
}

std::uint32_t connections_for(std::uint64_t most, std::uint64_t own, std::uint32_t held_back) {
  const std::uint64_t kept = own + std::min<std::uint64_t>(held_back, most / 4);
  const std::uint64_t connections = most > kept ? (most - kept) / 2 : 0;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(connections, std::numeric_limits<std::uint32_t>::max()));
}

void report_refusal(GatewayEvents& events, Phase phase, const ListenerSettings& listener,
                    const IpAddress& address, Check check, const Certificate* shown) {
  const bool counted = check == Check::max_connections_gateway ||
                       check == Check::max_connections_files || check == Check::max_connections ||
                       check == Check::max_connections_per_address;
  Identity who;
  who.listener = listener.name;
  who.address = to_string(address);
  who.address_prefix = listener.address_prefix;
  events.on_refusal(
      {.session = 0, .identity = who, .version = std::nullopt},
      {.phase = phase,
       .from = Side::client,
       .action = Action::disconnect,
       .reason = counted ? mqtt::ReasonCode::quota_exceeded : mqtt::ReasonCode::not_authorized,
       .cause = {to_string(check), false},
       .topic = {},
       .shown = shown});
}

}  // namespace sallyport::proxy
