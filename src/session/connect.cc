// CONNECT, until the authenticator is asked or the broker is dialled. Neither happens before a
// verdict allows the client, and nothing that the client sends meanwhile overtakes CONNACK.

#include "session/impl.h"

namespace sallyport {

using mqtt::Property;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

/// Returns the version in whose words a CONNECT that could not be decoded is answered. Returns none
/// if none can be made out, so that the connection just closes.
std::optional<Version> announced_version(const mqtt::Frame& frame) {
  constexpr std::string_view kName("\x00\x04MQTT", 6);
  constexpr std::string_view kOldName("\x00\x06MQIsdp", 8);
  const std::string_view body = as_text(frame.body());
  if (body.starts_with(kOldName)) return Version::v3_1;
  if (!body.starts_with(kName) || body.size() == kName.size()) return std::nullopt;
  // The upper bit is a bridge's, which speaks the version below it.
  const int level = static_cast<std::uint8_t>(body[kName.size()]) & 0x7F;
  return level >= 5 ? Version::v5 : Version::v3_1_1;
}

/// Returns whether MQTT 3.x has a return code for this reason, so that its client is owed a
/// CONNACK. 3.2.2.3 (3.1.1)
bool answered_in_v3(ReasonCode reason) {
  return reason == ReasonCode::unsupported_protocol_version ||
         reason == ReasonCode::client_identifier_not_valid;
}

}  // namespace

Session::Impl::Fate Session::Impl::on_connect(const Arrival& a) {
  /// All that is asked of a CONNECT that could be decoded, in this order: cheap before dear, and
  /// what changes something outside of the session last. Each returns whether the client may go on;
  /// if it may not, it has been refused and the session is over.
  static constexpr bool (Impl::*kChecks[])(const Arrival&, const mqtt::Connect&) = {
      &Impl::check_identity,      // the client has a role, and the client identifier bound to it
      &Impl::check_role_bounds,   // CONNECT keeps to the bounds of those roles
      &Impl::check_will,          // the roles allow what the broker will publish for the client
      &Impl::check_keep_alive,    // the keep-alive is one that the gateway takes
      &Impl::check_connect_rate,  // the client does not connect too often; this counts it
      &Impl::check_will_rate,     // the Will fits in the limits; this charges it
  };
  const auto connect = mqtt::decode_connect(a.frame, *bounds_);
  if (!connect) return bad_connect(a, connect.error());
  for (const auto check : kChecks) {
    if (!(this->*check)(a, *connect)) return Fate::consumed;
  }
  keep_connect(a, *connect);
  from_[Side::client].inlet.wipe();  // where CONNECT came in pieces
  // The authenticator is the dearest of all checks, and the only one that takes time. See login.cc
  options_.authenticate ? ask_authenticator(a.now, a.turn) : dial(a.now, a.turn);
  return Fate::consumed;
}

/// Refuses a CONNECT that is not what the standard or a bound wants. It is answered where its
/// version has an answer for that, otherwise the connection just closes.
Session::Impl::Fate Session::Impl::bad_connect(const Arrival& a, mqtt::Malformed error) {
  const std::optional<Version> version = announced_version(a.frame);
  if (version) set_version(*version);
  if (version && (version_ == Version::v5 || answered_in_v3(error.reason))) {
    return refuse_connect(a, error.reason, cause_of(error.check));
  }
  return malformed(a, error);
}

Session::Impl::Fate Session::Impl::refuse_connect(const Arrival& a, ReasonCode reason,
                                                  policy::Cause cause, std::string_view topic) {
  report_refusal(a, Action::disconnect, reason, cause, topic);
  reject_client(reason, a.turn);
  close({Side::client, CloseKind::refused, cause.name}, a.turn);
  return Fate::consumed;
}

bool Session::Impl::check_identity(const Arrival& a, const mqtt::Connect& connect) {
  set_version(connect.version);
  identity_.client_id = connect.client_id;
  if (connect.username) identity_.username = std::string(*connect.username);
  auto admitted = admit();
  if (!admitted) {
    static_cast<void>(refuse_connect(a, admitted.error().reason, admitted.error().cause));
    return false;
  }
  adopt(std::move(*admitted));
  return true;
}

/// CONNECT kept to the listener's bounds. If those of the client's roles are lower, it is decoded
/// once more, and has to keep to these as well.
bool Session::Impl::check_role_bounds(const Arrival& a, const mqtt::Connect& /*connect*/) {
  if (lowered_ == nullptr) return true;
  if (a.size() > rules(Side::client).max_packet) {
    static_cast<void>(bad_connect(a, {Check::packet_too_large, ReasonCode::packet_too_large}));
    return false;
  }
  const auto again = mqtt::decode_connect(a.frame, *bounds_);
  if (!again) static_cast<void>(bad_connect(a, again.error()));
  return again.has_value();
}

bool Session::Impl::check_will(const Arrival& a, const mqtt::Connect& connect) {
  return !connect.will || judge_will(a, *connect.will);
}

/// The broker will publish the Will for the client, so it is checked as a publish. [MQTT-3.1.2-8]
bool Session::Impl::judge_will(const Arrival& a, const mqtt::Will& will) {
  policy::Verdict verdict =
      grants_->check_publish({will.topic, will.qos, will.retain, will.payload_size()});
  if (verdict.allowed && verdict.inspect != nullptr) {
    const bool fits = will.payload_size() <= verdict.inspect->max_bytes;
    show_payload(fits ? std::optional(will.payload) : std::nullopt, will.topic, verdict, a.turn);
  }
  if (!verdict.allowed) {
    static_cast<void>(refuse_connect(a, verdict.reason, verdict.cause, will.topic));
    return false;
  }
  note_reported(a, verdict, will.topic);
  if (will.response_topic) {
    const policy::Verdict response = grants_->check_response_topic(*will.response_topic);
    if (!response.allowed) {
      static_cast<void>(refuse_connect(a, response.reason, response.cause, *will.response_topic));
      return false;
    }
    note_reported(a, response, *will.response_topic);
  }
  return true;
}

/// A client of 5.0 is told another keep-alive in CONNACK if it asks for one that the gateway does
/// not take. A client of 3.x cannot be told: it is let in and held to the maximum, or not let in.
/// CONNACK of 3.x has no return code for that, so the connection just closes. [MQTT-3.2.2-6
/// (3.1.1)]
bool Session::Impl::check_keep_alive(const Arrival& a, const mqtt::Connect& connect) {
  if (version_ == Version::v5) return true;
  const bool none = connect.keep_alive == 0;
  const bool too_long =
      none ? bounds_->bounds_keep_alive() : connect.keep_alive > bounds_->max_keep_alive;
  if (!too_long && (none || connect.keep_alive >= bounds_->min_keep_alive)) return true;
  const policy::Cause cause =
      cause_of(too_long ? Check::keep_alive_maximum : Check::keep_alive_minimum);
  const bool refuse = bounds_->refuse_mqtt3_keep_alive;
  report_refusal(a, refuse ? Action::disconnect : Action::report,
                 ReasonCode::implementation_specific_error, cause, {});
  if (refuse) close({Side::client, CloseKind::refused, cause.name}, a.turn);
  return !refuse;
}

/// Counts the CONNECT under the client identifier and the certificate that it came with, or the
/// address where there is no certificate. So a stranger who uses the same client identifier does
/// not use up what its owner may. A client without an identifier gets a new one from the broker
/// each time; it is not counted.
bool Session::Impl::check_connect_rate(const Arrival& a, const mqtt::Connect& /*connect*/) {
  if (!options_.connects || options_.ledger == nullptr || identity_.client_id.empty()) return true;
  const RateLimit& limit = *options_.connects;
  if (options_.ledger->admit({Scope::client, limit.name, payer().client()}, limit, a.now)) {
    return true;
  }
  static_cast<void>(
      refuse_connect(a, ReasonCode::connection_rate_exceeded, cause_of(Check::connect_rate)));
  return false;
}

/// A client that the broker will name pays when its name is known: see check_again().
bool Session::Impl::check_will_rate(const Arrival& a, const mqtt::Connect& connect) {
  const bool named = !connect.client_id.empty() || version_ != Version::v5;
  return !connect.will || !named || charge_will(a, *connect.will);
}

std::expected<policy::Grants, policy::Verdict> Session::Impl::admit() const {
  if (policy_) return policy::Policy::admit(policy_, identity_, version_);
  policy::Verdict nobody;  // no policy: nobody passes
  nobody.cause = cause_of(Check::no_role);
  return std::unexpected(nobody);
}

/// From here on these grants decide, and nothing that others have decided is remembered, except for
/// what was used of a limit, which the ledger finds by the names of the limit and of the client.
/// What CONNACK has told the client stays as it is: aliases, Receive Maximum, keep-alive.
void Session::Impl::adopt(policy::Grants grants) {
  grants_ = std::move(grants);
  const Bounds lowered = grants_->bounds(options_.bounds);
  lowered_ = lowered == options_.bounds ? nullptr : std::make_unique<const Bounds>(lowered);
  bounds_ = lowered_ != nullptr ? lowered_.get() : &options_.bounds;
  subscribes_.set_maximum(bounds_->max_requests);
  deliveries_.set_maximum(bounds_->max_deliveries);
  subscriptions_.set_maximum(bounds_->max_subscriptions);
  for (Direction& way : from_) way.verdicts.forget();
  budget_.give_back();
  std::string several;
  events_.on_admitted(who(), grants_->role_names(several));
}

void Session::Impl::keep_connect(const Arrival& a, const mqtt::Connect& connect) {
  asked_ = {.clean_start = connect.clean_start,
            .session_expires = connect.session_expiry == 0,
            .response_information = connect.request_response_information,
            .problem_information = connect.request_problem_information};
  if (connect.authentication_method) {
    auth_method_ = std::make_unique<const std::string>(*connect.authentication_method);
  }
  if (connect.will) will_ = std::make_unique<const SentWill>(*connect.will);
  keep_alive_.ask(connect.keep_alive);
  Direction& to_client = to(Side::client);
  to_client.receiver_max = connect.maximum_packet_size.value_or(UINT32_MAX);
  if (bounds_->max_delivery < Bounds().max_delivery) {
    to_client.receiver_max = std::min(to_client.receiver_max, bounds_->max_delivery);
  }
  to_client.quota.set_maximum(connect.receive_maximum);

  connecting_ = std::make_unique<Connecting>();
  connecting_->keep_alive = connect.keep_alive;
  connecting_->password_size = connect.password ? connect.password->size() : 0;
  if (connect.will && connect.client_id.empty() && version_ == Version::v5) {
    connecting_->will = std::make_unique<KeptWill>(*connect.will);
  }
  const std::uint16_t aliases = std::min(connect.topic_alias_maximum, bounds_->max_topic_aliases);
  to_client.aliases.set_maximum(aliases);
  if (aliases != connect.topic_alias_maximum) {
    const mqtt::PropertyChange change{Property::topic_alias_maximum, aliases};
    if (mqtt::rewrite_properties(a.frame, {&change, 1}, connecting_->packet)) {
      events_.on_rewrite(Rewrite::connect);
      return;
    }
  }
  connecting_->packet.append(a.frame.head);
}

void Session::Impl::dial(Instant now, Turn& turn) {
  state_ = State::dialing;
  deadline_ = now + options_.broker_timeout;
  turn.dial = true;
}

void Session::Impl::dial_begins(Instant when) {
  if (state_ != State::dialing) return;
  deadline_ = when == kNever ? kNever : when + options_.broker_timeout;
}

void Session::Impl::broker_connected(Instant now, Turn& turn) {
  if (state_ != State::dialing) return;
  state_ = State::awaiting_connack;
  keep_alive_.note_sent_to_broker(now);
  answers_.asked(mqtt::PacketType::connack, 0, now);
  turn.to_broker.reference(connecting_->packet.bytes());
}

}  // namespace sallyport
