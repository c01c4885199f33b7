#include "sallyport/events.h"

#include <array>

namespace sallyport {

std::string_view to_string(Phase phase) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "accept", "header", "handshake", "connect", "login", "dial", "connack", "open", "end"};
  static_assert(kNames.size() == static_cast<std::size_t>(Phase::end) + 1);
  return kNames[static_cast<std::size_t>(phase)];
}

std::string_view to_string(CloseKind kind) {
  switch (kind) {
    case CloseKind::disconnect:
      return "disconnect";
    case CloseKind::closed:
      return "closed";
    case CloseKind::network_error:
      return "network_error";
    case CloseKind::tls_error:
      return "tls_error";
    case CloseKind::refused:
      return "refused";
    case CloseKind::malformed:
      return "malformed";
    case CloseKind::connect_timeout:
      return "connect_timeout";
    case CloseKind::keep_alive:
      return "keep_alive";
    case CloseKind::broker_refused:
      return "broker_refused";
    case CloseKind::broker_unavailable:
      return "broker_unavailable";
    case CloseKind::login_unavailable:
      return "login_unavailable";
    case CloseKind::administrative:
      return "administrative";
    case CloseKind::certificate:
      return "certificate";
    case CloseKind::policy_changed:
      return "policy_changed";
    case CloseKind::shutdown:
      return "shutdown";
    case CloseKind::internal_error:
      return "internal_error";
  }
  return "unknown";
}

std::string_view to_string(LoginAnswer answer) {
  switch (answer) {
    case LoginAnswer::allowed:
      return "allowed";
    case LoginAnswer::refused:
      return "refused";
    case LoginAnswer::unavailable:
      return "unavailable";
  }
  return "unavailable";
}

std::string_view to_string(Rewrite rewrite) {
  switch (rewrite) {
    case Rewrite::connect:
      return "connect";
    case Rewrite::connack:
      return "connack";
    case Rewrite::subscribe:
      return "subscribe";
    case Rewrite::suback:
      return "suback";
    case Rewrite::topic_alias:
      return "topic_alias";
    case Rewrite::server_reference:
      return "server_reference";
    case Rewrite::mended:
      return "mended";
  }
  return "unknown";
}

}  // namespace sallyport
