// From the first packet to an accepted CONNACK. The broker is not dialled before a verdict allows
// it, and nothing that the client sends meanwhile overtakes CONNACK.

#include "mqtt/reason_codes.h"
#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::Property;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

/// The version in whose words a CONNECT that could not be decoded is answered. Null: none can be
/// made out, so the connection just closes.
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

/// MQTT 3.x has a return code for this reason, so its client is owed a CONNACK. 3.2.2.3 (3.1.1)
bool answered_in_v3(ReasonCode reason) {
  return reason == ReasonCode::unsupported_protocol_version ||
         reason == ReasonCode::client_identifier_not_valid;
}

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
    default:
      return ReasonCode::protocol_error;
  }
}

}  // namespace

Session::Impl::Fate Session::Impl::on_connect(const Arrival& a) {
  const auto connect = mqtt::decode_connect(a.frame, bounds_);
  if (!connect) return bad_connect(a, connect.error());

  version_ = connect->version;
  identity_.client_id = connect->client_id;
  if (connect->username) identity_.username = std::string(*connect->username);

  auto admitted = admit();
  if (!admitted) {
    return refuse_connect(a, admitted.error().reason, admitted.error().cause);
  }
  adopt(std::move(*admitted));
  if (const auto bad = check_against_roles(a)) return bad_connect(a, *bad);
  if (connect->will && !check_will(a, *connect->will)) return Fate::consumed;
  if (!check_keep_alive(a, *connect)) return Fate::consumed;
  if (!may_connect_again(a.now)) {
    return refuse_connect(a, ReasonCode::connection_rate_exceeded, cause_of(Check::connect_rate));
  }
  // A client that the broker will name pays when its name is known: check_again().
  const bool named = !connect->client_id.empty() || version_ != Version::v5;
  if (connect->will && named && !charge_will(a, *connect->will)) return Fate::consumed;

  keep_connect(a, *connect);
  inlet(Side::client).wipe();  // where CONNECT came in pieces
  state_ = State::dialing;
  deadline_ = a.now + options_.broker_timeout;
  a.turn.dial = true;
  return Fate::consumed;
}

/// A CONNECT that is not what the standard or a limit wants. It is answered where its version has
/// an answer for that, otherwise the connection just closes.
Session::Impl::Fate Session::Impl::bad_connect(const Arrival& a, mqtt::Malformed error) {
  const std::optional<Version> version = announced_version(a.frame);
  if (version) version_ = *version;
  if (version && (version_ == Version::v5 || answered_in_v3(error.reason))) {
    return refuse_connect(a, error.reason, cause_of(error.check));
  }
  return malformed(a, error);
}

/// CONNECT kept to the listener's limits. Where those of the client's roles are lower, it is read
/// once more, and keeps to these as well.
std::optional<mqtt::Malformed> Session::Impl::check_against_roles(const Arrival& a) const {
  if (bounds_ == options_.bounds) return std::nullopt;
  if (a.size() > rules(Side::client).max_packet) {
    return mqtt::Malformed{Check::packet_too_large, ReasonCode::packet_too_large};
  }
  const auto connect = mqtt::decode_connect(a.frame, bounds_);
  return connect ? std::nullopt : std::optional(connect.error());
}

std::expected<policy::Grants, policy::Verdict> Session::Impl::admit() const {
  if (policy_) return policy::Policy::admit(policy_, identity_, version_);
  policy::Verdict nobody;  // no policy: nobody passes
  nobody.cause = cause_of(Check::no_role);
  return std::unexpected(nobody);
}

/// From here on these grants decide, and nothing that others have decided is remembered, but what
/// was used of a limit, which the ledger finds by the names of the limit and of the client. What
/// CONNACK has told the client stays as it is: aliases, Receive Maximum, keep-alive.
void Session::Impl::adopt(policy::Grants grants) {
  grants_ = std::move(grants);
  bounds_ = grants_->bounds(options_.bounds);
  subscribes_.set_maximum(bounds_.max_requests);
  subscriptions_.set_maximum(bounds_.max_subscriptions);
  for (VerdictMemo& memo : verdicts_) memo.forget();
  budget_.give_back();
}

Session::Impl::Fate Session::Impl::refuse_connect(const Arrival& a, ReasonCode reason,
                                                  policy::Cause cause, std::string_view topic) {
  report_refusal(a, Action::disconnect, reason, cause, topic);
  reject_client(reason, a.turn);
  close({Side::client, CloseKind::refused, cause.name}, a.turn);
  return Fate::consumed;
}

/// The broker will publish the Will for the client, so it is checked as a publish. [MQTT-3.1.2-8]
bool Session::Impl::check_will(const Arrival& a, const mqtt::Will& will) {
  const policy::Verdict verdict =
      grants_->check_publish({will.topic, will.qos, will.retain, will.payload_size});
  if (!verdict.allowed) {
    (void)refuse_connect(a, verdict.reason, verdict.cause, will.topic);
    return false;
  }
  note_reported(a, verdict, will.topic);
  if (will.response_topic) {
    const policy::Verdict response = grants_->check_response_topic(*will.response_topic);
    if (!response.allowed) {
      (void)refuse_connect(a, response.reason, response.cause, *will.response_topic);
      return false;
    }
    note_reported(a, response, *will.response_topic);
  }
  return true;
}

/// CONNACK of 5.0 tells a client another keep-alive, and accept_connack() does so. 3.x has nothing
/// to tell it with: the client is let in and held to the maximum, or not let in, for which there is
/// no return code, so that the connection just closes. [MQTT-3.2.2-6 (3.1.1)]
bool Session::Impl::check_keep_alive(const Arrival& a, const mqtt::Connect& connect) {
  if (version_ == Version::v5) return true;
  const bool too_long = connect.keep_alive == 0 || connect.keep_alive > bounds_.max_keep_alive;
  if (!too_long && connect.keep_alive >= bounds_.min_keep_alive) return true;
  const policy::Cause cause =
      cause_of(too_long ? Check::keep_alive_maximum : Check::keep_alive_minimum);
  const bool refuse = bounds_.refuse_mqtt3_keep_alive;
  report_refusal(a, refuse ? Action::disconnect : Action::report,
                 ReasonCode::implementation_specific_error, cause, {});
  if (refuse) close({Side::client, CloseKind::refused, cause.name}, a.turn);
  return !refuse;
}

void Session::Impl::keep_connect(const Arrival& a, const mqtt::Connect& connect) {
  keep_alive_ = connect.keep_alive;
  session_expires_ = connect.session_expiry == 0;
  clean_start_ = connect.clean_start;
  wants_response_information_ = connect.request_response_information;
  wants_problem_information_ = connect.request_problem_information;
  client_max_packet_ = connect.maximum_packet_size;
  quota(Side::broker).set_maximum(connect.receive_maximum);
  enhanced_auth_ = connect.authentication_method.has_value();
  if (enhanced_auth_) authentication_method_ = *connect.authentication_method;

  if (connect.will && connect.client_id.empty() && version_ == Version::v5) {
    const mqtt::Will& will = *connect.will;
    will_ = std::make_unique<KeptWill>();
    will_->topic = will.topic;
    if (will.response_topic) will_->response_topic = std::string(*will.response_topic);
    will_->payload_size = will.payload_size;
    will_->qos = will.qos;
    will_->retain = will.retain;
  }

  const std::uint16_t aliases = std::min(connect.topic_alias_maximum, bounds_.max_topic_aliases);
  to_client_aliases_.set_maximum(aliases);
  if (aliases != connect.topic_alias_maximum) {
    const mqtt::PropertyChange change{Property::topic_alias_maximum, aliases};
    if (mqtt::rewrite_properties(a.frame, {&change, 1}, connect_)) {
      events_.on_rewrite(Rewrite::connect);
      return;
    }
  }
  connect_.append(a.frame.head);
}

void Session::Impl::broker_connected(Instant now, Turn& turn) {
  if (state_ != State::dialing) return;
  state_ = State::awaiting_connack;
  last_to_broker_ = now;
  turn.to_broker.reference(connect_.bytes());
}

Session::Impl::Fate Session::Impl::on_connack(const Arrival& a) {
  const auto connack = mqtt::decode_connack(a.frame, version_, decode_bounds(Side::broker));
  if (!connack) return malformed(a, connack.error());
  if (const auto bad = check_connack(*connack)) return malformed(a, *bad);
  if (connack->code == 0) return accept_connack(a, *connack);
  (void)forward(a);
  close({Side::broker, CloseKind::broker_refused, "connack"}, a.turn);
  return Fate::forwarded;
}

/// What CONNECT lets CONNACK say.
std::optional<mqtt::Malformed> Session::Impl::check_connack(const mqtt::Connack& connack) const {
  const auto refuse = [](Check check) {
    return mqtt::Malformed{check, ReasonCode::protocol_error};
  };
  // [MQTT-3.2.2-1 (3.1.1)] [MQTT-3.2.2-2 (5.0)]
  if (clean_start_ && connack.session_present) return refuse(Check::connack_flags);
  if (version_ != Version::v5) return std::nullopt;
  if (!wants_response_information_ &&
      mqtt::has_property(connack.properties.raw, Property::response_information)) {
    return refuse(Check::property_unknown);  // [MQTT-3.1.2-28]
  }
  if (!enhanced_auth_ && connack.authentication_method) {
    return refuse(Check::auth_method);  // [MQTT-4.12.0-6]
  }
  if (connack.code != 0) return std::nullopt;
  if (enhanced_auth_ && connack.authentication_method != authentication_method_) {
    return refuse(Check::auth_method);  // [MQTT-4.12.0-5]
  }
  if (identity_.client_id.empty() && !connack.assigned_client_id) {
    return refuse(Check::client_id_invalid);  // [MQTT-3.2.2-16]
  }
  return std::nullopt;
}

Session::Impl::Fate Session::Impl::accept_connack(const Arrival& a, const mqtt::Connack& connack) {
  if (connack.assigned_client_id) {
    identity_.client_id = *connack.assigned_client_id;
    if (!check_again(a)) return Fate::consumed;
  }
  broker_max_packet_ = connack.maximum_packet_size;
  broker_max_qos_ = connack.maximum_qos;
  broker_retains_ = connack.retain_available;
  quota(Side::client).set_maximum(connack.receive_maximum);
  to_broker_aliases_.set_maximum(std::min(connack.topic_alias_maximum, bounds_.max_topic_aliases));
  publishes_.set_maximum(bounds_.max_qos2_in_flight);
  if (connack.server_keep_alive) keep_alive_ = *connack.server_keep_alive;  // [MQTT-3.2.2-21]
  const std::uint16_t asked = keep_alive_;
  client_keep_alive_ =
      asked == 0 ? bounds_.max_keep_alive : std::min(asked, bounds_.max_keep_alive);
  // What the broker itself wants is not too short.
  if (version_ == Version::v5 && !connack.server_keep_alive) {
    client_keep_alive_ = std::max(client_keep_alive_, bounds_.min_keep_alive);
  }

  // Where the gateway's own limits are lower, a 5.0 client is told, so that it can keep them.
  mqtt::PropertyChange changes[4];
  std::size_t count = 0;
  if (version_ == Version::v5) {
    if (connack.maximum_packet_size.value_or(UINT32_MAX) > bounds_.max_packet) {
      changes[count++] = {Property::maximum_packet_size, bounds_.max_packet};
    }
    if (connack.topic_alias_maximum > bounds_.max_topic_aliases) {
      changes[count++] = {Property::topic_alias_maximum, bounds_.max_topic_aliases};
    }
    if (connack.receive_maximum > bounds_.max_qos2_in_flight) {
      changes[count++] = {Property::receive_maximum, bounds_.max_qos2_in_flight};
    }
    if (asked != client_keep_alive_) {
      changes[count++] = {Property::server_keep_alive, client_keep_alive_};
    }
  }

  state_ = State::open;
  connack_first_ = false;
  deadline_ = kNever;
  last_from_client_ = a.now;
  begun_ = true;
  events_.on_session_begin(who());
  if (count == 0) return forward(a);
  scratch_.clear();
  if (!mqtt::rewrite_properties(a.frame, {changes, count}, scratch_) ||
      scratch_.size() > max_packet(Side::client)) {  // [MQTT-3.1.2-24] (5.0)
    scratch_.release();
    return forward(a);
  }
  quota(Side::client).set_maximum(std::min(connack.receive_maximum, bounds_.max_qos2_in_flight));
  const Fate fate = forward_as(a, scratch_.bytes(), Rewrite::connack);
  scratch_.release();
  return fate;
}

/// Now it is known what ${client_id} stands for, and which roles hold. 3.2.2.3.7 (5.0) False: the
/// client is refused after all. The broker has let it in, so it is told good-bye, or else it would
/// publish the Will. [MQTT-3.14.4-3]
bool Session::Impl::check_again(const Arrival& a) {
  const std::unique_ptr<KeptWill> will = std::move(will_);
  bool passes = true;
  if (auto admitted = admit()) {
    adopt(std::move(*admitted));
    if (will != nullptr) {
      const mqtt::Will again{.topic = will->topic,
                             .payload_size = will->payload_size,
                             .qos = will->qos,
                             .retain = will->retain,
                             .response_topic = will->response_topic,
                             .properties = {}};
      passes = check_will(a, again) && charge_will(a, again);
    }
  } else {
    (void)refuse_connect(a, admitted.error().reason, admitted.error().cause);
    passes = false;
  }
  if (passes) return true;
  scratch_.clear();
  mqtt::encode_disconnect(ReasonCode::success, scratch_);
  inject(Side::broker, scratch_, a.turn);
  scratch_.release();
  return false;
}

/// CONNACK with a refusal, to a client whose CONNECT was not accepted yet.
void Session::Impl::reject_client(ReasonCode reason, Turn& turn) {
  scratch_.clear();
  mqtt::encode_connack(version_, false, for_connack(reason), scratch_);
  inject(Side::client, scratch_, turn);
  scratch_.release();
}

}  // namespace sallyport
