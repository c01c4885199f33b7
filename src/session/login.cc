// An authenticator is asked about a CONNECT that all other checks have let in. The answer takes
// time; until it comes nothing is read from the client and the broker is not dialled.

#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::ReasonCode;

void Session::Impl::ask_authenticator(Instant now, Turn& turn) {
  state_ = State::authenticating;
  deadline_ = now + options_.login_timeout;
  turn.authenticate = true;
}

LoginRequest Session::Impl::login() const {
  LoginRequest request{.username = {}, .password = {}, .auth_method = {}, .identity = identity_};
  if (identity_.username) request.username = *identity_.username;
  if (auth_method_ != nullptr) request.auth_method = *auth_method_;
  if (state_ == State::authenticating) request.password = connecting_->password();
  return request;
}

void Session::Impl::authenticated(const LoginResult& result, Instant now, Turn& turn) {
  if (state_ != State::authenticating) return;
  const auto answer = std::holds_alternative<LoginAllowed>(result)   ? LoginAnswer::allowed
                      : std::holds_alternative<LoginRefused>(result) ? LoginAnswer::refused
                                                                     : LoginAnswer::unavailable;
  events_.on_login(who(), answer, now - (deadline_ - options_.login_timeout));
  if (const auto* refused = std::get_if<LoginRefused>(&result)) {
    return refuse_login(refused->reason, refused->check, CloseKind::refused, turn);
  }
  const auto* allowed = std::get_if<LoginAllowed>(&result);
  if (allowed == nullptr) {
    return refuse_login(ReasonCode::server_unavailable, Check::login_unavailable,
                        CloseKind::login_unavailable, turn);
  }
  connecting_->valid_until = allowed->valid_until.value_or(kNever);
  if (now >= connecting_->valid_until) {
    return refuse_login(ReasonCode::not_authorized, Check::login_expired, CloseKind::refused, turn);
  }
  if (keep_attributes(*allowed, now, turn)) dial(now, turn);
}

/// What the authenticator says may change which roles the client has, so the CONNECT is judged by
/// these once more. Returns whether the client may go on; if not, it has been refused.
bool Session::Impl::keep_attributes(const LoginAllowed& allowed, Instant now, Turn& turn) {
  if (allowed.attributes.empty()) return true;
  identity_.login_attributes = allowed.attributes;
  const auto result = mqtt::next_frame(connecting_->packet.bytes(),
                                       {Side::client, version_, UINT32_MAX, UINT32_MAX});
  const Arrival a{Side::client, result.frame, false, {}, now, turn};
  const auto connect = mqtt::decode_connect(a.frame, options_.bounds);
  if (!connect) {  // cannot be: it was decoded before
    static_cast<void>(malformed(a, connect.error()));
    return false;
  }
  return check_identity(a, *connect) && check_role_bounds(a, *connect) && check_will(a, *connect);
}

void Session::Impl::refuse_login(ReasonCode reason, Check check, CloseKind kind, Turn& turn) {
  report(Side::client, PacketType::connect, reason, cause_of(check));
  dismiss(reason, {Side::client, kind, to_string(check)}, turn);
}

}  // namespace sallyport
