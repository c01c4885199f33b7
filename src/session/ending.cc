// How a session ends, what is said about it, and to whom.

#include "mqtt/reason_codes.h"
#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

/// The reason codes that CONNACK may carry. 3.2.2.2 (5.0)
ReasonCode for_connack(ReasonCode reason) {
  if (mqtt::reason_allowed(PacketType::connack, Side::broker, static_cast<std::uint8_t>(reason))) {
    return reason;
  }
  switch (reason) {
    case ReasonCode::message_rate_too_high:
      return ReasonCode::quota_exceeded;
    case ReasonCode::server_shutting_down:
      return ReasonCode::server_unavailable;
    case ReasonCode::administrative_action:
    case ReasonCode::maximum_connect_time:
      return ReasonCode::not_authorized;
    default:
      return ReasonCode::protocol_error;
  }
}

}  // namespace

Phase Session::Impl::phase() const {
  switch (state_) {
    case State::awaiting_connect:
      return Phase::connect;
    case State::authenticating:
      return Phase::login;
    case State::dialing:
      return Phase::dial;
    case State::awaiting_connack:
      return Phase::connack;
    case State::open:
      return Phase::open;
    case State::closed:
      break;
  }
  return Phase::end;
}

void Session::Impl::report_refusal(const Arrival& a, Action action, ReasonCode reason,
                                   policy::Cause cause, std::string_view topic) {
  spend(Turn::kWorkOfRefusal, a.turn);
  if (action != Action::report) ++refused_;
  events_.on_refusal(who(), {.phase = phase(),
                             .from = a.from,
                             .packet = a.type(),
                             .action = action,
                             .reason = reason,
                             .cause = cause,
                             .topic = topic});
}

void Session::Impl::report(Side from, PacketType packet, ReasonCode reason, policy::Cause cause) {
  ++refused_;
  events_.on_refusal(who(), {.phase = phase(),
                             .from = from,
                             .packet = packet,
                             .action = Action::disconnect,
                             .reason = reason,
                             .cause = cause,
                             .topic = {}});
}

/// Reports a verdict that lets pass what a rule would have refused if it were not told to report
/// only.
void Session::Impl::note_reported(const Arrival& a, const policy::Verdict& verdict,
                                  std::string_view topic) {
  if (verdict.reported.name.empty()) return;
  report_refusal(a, Action::report, verdict.reported_reason, verdict.reported, topic);
}

/// Ends the session because of a packet. What is wrong with a broker's packet is not the client's
/// doing, so a client of 5.0 is told "unspecified error", which is true, and one of 3.x nothing: it
/// has no return code for that.
Session::Impl::Fate Session::Impl::end_malformed(const Arrival& a, mqtt::Malformed error) {
  report_refusal(a, Action::disconnect, error.reason, cause_of(error.check), {});
  if (state_ == State::awaiting_connack) {
    if (version_ == Version::v5) {  // 3.x has no return code for a malformed packet
      reject_client(a.from == Side::client ? error.reason : ReasonCode::unspecified_error, a.turn);
    }
  } else if (state_ == State::open) {
    say_goodbye(a.from == Side::client ? error.reason : ReasonCode::unspecified_error, a.turn);
  }
  close({a.from, CloseKind::malformed, to_string(error.check)}, a.turn);
  return Fate::consumed;
}

/// Sends DISCONNECT to a 5.0 client where one can still be put on the wire. Before an accepted
/// CONNACK the last word is a CONNACK with a refusal instead. [MQTT-3.14.0-1] A reason that
/// DISCONNECT cannot carry, such as a packet identifier that is in use, is a protocol error there.
/// [MQTT-3.14.2-1]
void Session::Impl::say_goodbye(ReasonCode reason, Turn& turn, std::string_view elsewhere) {
  if (version_ != Version::v5 || to(Side::client).outlet.mid_packet()) return;
  if (state_ != State::open) return reject_client(reason, turn, elsewhere);
  if (!mqtt::reason_allowed(PacketType::disconnect, Side::broker,
                            static_cast<std::uint8_t>(reason))) {
    reason = ReasonCode::protocol_error;
  }
  reply(Side::client, turn, [&](Buffer& out) { mqtt::encode_disconnect(reason, out, elsewhere); });
}

/// Sends CONNACK with a refusal to a client whose CONNECT was not accepted yet.
void Session::Impl::reject_client(ReasonCode reason, Turn& turn, std::string_view elsewhere) {
  reply(Side::client, turn, [&](Buffer& out) {
    mqtt::encode_connack(version_, false, for_connack(reason), out, elsewhere);
  });
}

/// Tells the client as far as it can be told, and ends the session.
void Session::Impl::dismiss(ReasonCode reason, CloseReason why, Turn& turn,
                            std::string_view elsewhere) {
  if (state_ == State::open) {
    say_goodbye(reason, turn, elsewhere);
  } else if (state_ != State::awaiting_connect) {
    reject_client(reason, turn, elsewhere);
  }
  close(why, turn);
}

/// Returns the topic of the Will that the broker publishes if the session ends now: it has CONNECT,
/// and the client has not taken the Will back. Returns an empty one if there is none.
std::string_view Session::Impl::left_will() const {
  const bool sent = state_ == State::awaiting_connack || state_ == State::open;
  return sent && will_ != nullptr ? std::string_view(will_->topic) : std::string_view();
}

/// Returns whether the client may publish to the topic of its Will under the policy of now: the
/// broker goes by what held at CONNECT.
bool Session::Impl::may_leave_will() const {
  return !grants_ || grants_->check_publish(will_->request()).allowed;
}

/// Sends DISCONNECT to the broker in the client's place, for which the broker drops the Will.
/// [MQTT-3.14.4-3] Behind half a packet nothing can be sent: then the broker publishes it.
void Session::Impl::take_back_will(Turn& turn) {
  if (left_will().empty() || to(Side::broker).outlet.mid_packet()) return;
  reply(Side::broker, turn, [](Buffer& out) { mqtt::encode_disconnect(ReasonCode::success, out); });
  will_.reset();
}

void Session::Impl::close(CloseReason reason, Turn& turn) {
  if (state_ == State::closed) return;
  // A broker that ends the connection itself publishes or drops the Will before anybody can say a
  // word.
  if (reason.side == Side::client && !left_will().empty() && !may_leave_will()) {
    take_back_will(turn);
  }
  turn.close = reason;
  reason.will = left_will();
  reason.tally = tally();
  state_ = State::closed;
  events_.on_session_end(who(), reason, begun_);
}

void Session::Impl::transport_closed(Side side, CloseKind kind, std::string_view detail,
                                     Instant /*now*/, Turn& turn) {
  if (state_ == State::closed) return;
  // In TLS 1.3 the broker refuses the gateway's certificate when the gateway takes the handshake to
  // be over, and may have sent CONNECT already: it was not reached either. RFC 8446, 4.4.2
  const bool unreached = state_ == State::dialing ||
                         (state_ == State::awaiting_connack && kind == CloseKind::tls_error);
  // The broker has not let the client in, so it publishes no Will.
  if (side == Side::broker && state_ == State::awaiting_connack) will_.reset();
  if (side == Side::broker && unreached) {
    return refuse_for_broker(Check::broker_unavailable, ReasonCode::server_unavailable, detail,
                             turn);
  }
  // A broker that ends without a word has its reasons, which are not known here: the client sees of
  // it what it would see without the gateway. Where that is its answer to CONNECT, it has not let
  // the client in, and whoever looks for the reason finds a line.
  if (side == Side::broker && state_ == State::awaiting_connack) {
    report(Side::broker, PacketType::connect, ReasonCode::unspecified_error,
           cause_of(Check::broker_silent));
  }
  close({side, kind, detail}, turn);
}

void Session::Impl::stalled(Side side, Turn& turn) {
  if (state_ == State::closed) return;
  report(side, PacketType::reserved, ReasonCode::unspecified_error, cause_of(Check::stalled));
  close({side, CloseKind::network_error, to_string(Check::stalled)}, turn);
}

void Session::Impl::dial_refused(Check check, Turn& turn) {
  if (state_ != State::dialing) return;
  const bool full = check == Check::broker_queue_full;
  refuse_for_broker(check, full ? ReasonCode::server_busy : ReasonCode::server_unavailable,
                    to_string(check), turn);
}

/// Ends a session whose CONNECT was good, because there is no broker for it.
void Session::Impl::refuse_for_broker(Check check, ReasonCode reason, std::string_view detail,
                                      Turn& turn) {
  report(Side::broker, PacketType::connect, reason, cause_of(check));
  dismiss(reason, {Side::broker, CloseKind::broker_unavailable, detail}, turn);
}

void Session::Impl::set_policy(policy::Policy::Ptr policy, Instant /*now*/, Turn& turn) {
  if (state_ == State::closed) return;
  const policy::Policy::Ptr previous = std::exchange(policy_, std::move(policy));
  if (state_ == State::awaiting_connect) return;
  auto admitted = admit();
  if (!admitted) {
    const policy::Verdict& verdict = admitted.error();
    report(Side::client, PacketType::connect, verdict.reason, verdict.cause);
    take_back_will(turn);  // who has no role may publish nothing
    return dismiss(ReasonCode::not_authorized,
                   {Side::client, CloseKind::policy_changed, verdict.cause.name}, turn);
  }
  adopt(std::move(*admitted));
}

void Session::Impl::shut_down(std::string_view elsewhere, Turn& turn) {
  if (state_ == State::closed) return;
  // A packet that the client does not take would not be sent at all. [MQTT-3.1.2-24]
  const std::size_t size = elsewhere.size() + mqtt::kReferralOverhead;
  const bool refers =
      !elsewhere.empty() && version_ == Version::v5 && size <= to(Side::client).receiver_max;
  dismiss(refers ? ReasonCode::use_another_server : ReasonCode::server_shutting_down,
          {Side::client, CloseKind::shutdown, "gateway stops"}, turn,
          refers ? elsewhere : std::string_view());
}

void Session::Impl::revoke(Check check, Turn& turn) {
  if (state_ == State::closed) return;
  report(Side::client, PacketType::reserved, ReasonCode::not_authorized, cause_of(check));
  take_back_will(turn);
  dismiss(ReasonCode::not_authorized, {Side::client, CloseKind::certificate, to_string(check)},
          turn);
}

void Session::Impl::end(Check check, ReasonCode reason, Turn& turn) {
  if (state_ == State::closed) return;
  report(Side::client, PacketType::reserved, reason, cause_of(check));
  dismiss(reason, {Side::client, CloseKind::administrative, to_string(check)}, turn);
}

}  // namespace sallyport
