// CONNACK: what the broker says to a CONNECT that the gateway let in.

#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::Property;
using mqtt::ReasonCode;
using mqtt::Version;

Session::Impl::Fate Session::Impl::on_connack(const Arrival& a) {
  CheckSet odd;
  const auto connack = mqtt::decode_connack(a.frame, version_, decode_bounds(Side::broker),
                                            tolerance(Side::broker, odd));
  if (!connack) return malformed(a, connack.error());
  if (const auto bad = check_connack(a, *connack)) return end_malformed(a, *bad);
  note_tolerated(a, odd);
  note_answer(PacketType::connack, 0, a.now);
  if (connack->code == 0) return accept_connack(a, *connack);
  note_broker_code(PacketType::connack, mqtt::connack_reason(version_, connack->code));
  static_cast<void>(forward_referring(a, connack->properties));
  will_.reset();
  close({Side::broker, CloseKind::broker_refused, "connack"}, a.turn);
  return Fate::forwarded;
}

/// Returns what is wrong with a CONNACK after this CONNECT; returns none if nothing is that clients
/// do not tolerate. Another authentication method than the client's own is not for the client to
/// believe.
std::optional<mqtt::Malformed> Session::Impl::check_connack(const Arrival& a,
                                                            const mqtt::Connack& connack) {
  struct Deviation {
    bool is_there;
    Check check;
  };
  const bool five = version_ == Version::v5;
  const bool accepts = connack.code == 0;
  const bool unasked_information =
      five && !asked_.response_information &&
      mqtt::has_property(connack.properties.raw, Property::response_information);
  const Deviation deviations[] = {
      // [MQTT-3.2.2-1 (3.1.1)] [MQTT-3.2.2-2 (5.0)]
      {asked_.clean_start && connack.session_present, Check::connack_flags},
      // [MQTT-3.1.2-28]
      {unasked_information, Check::property_unknown},
      // [MQTT-4.12.0-6]
      {auth_method_ == nullptr && connack.authentication_method.has_value(), Check::auth_method},
      // [MQTT-4.12.0-5]
      {accepts && auth_method_ != nullptr && !connack.authentication_method, Check::auth_method},
      // [MQTT-3.2.2-16]
      {five && accepts && identity_.client_id.empty() && !connack.assigned_client_id,
       Check::client_id_invalid},
  };
  for (const auto& [is_there, check] : deviations) {
    if (is_there && !tolerate(a, check)) return mqtt::Malformed{check, ReasonCode::protocol_error};
  }
  if (accepts && auth_method_ != nullptr &&
      connack.authentication_method.value_or(*auth_method_) != *auth_method_) {
    return mqtt::Malformed{Check::auth_method, ReasonCode::protocol_error};  // [MQTT-4.12.0-5]
  }
  return std::nullopt;
}

Session::Impl::Fate Session::Impl::accept_connack(const Arrival& a, const mqtt::Connack& connack) {
  // The broker has let the client in. Where the gateway does not, the broker is told good-bye, or
  // else it would publish the Will. [MQTT-3.14.4-3]
  auto will = std::move(will_);
  if (!check_again(a, connack)) {
    reply(Side::broker, a.turn,
          [](Buffer& out) { mqtt::encode_disconnect(ReasonCode::success, out); });
    return Fate::consumed;
  }
  will_ = std::move(will);
  Direction& to_broker = to(Side::broker);
  to_broker.receiver_max = connack.maximum_packet_size.value_or(UINT32_MAX);
  told_max_packet_ = to_broker.receiver_max;
  to_broker.quota.set_maximum(connack.receive_maximum);
  to_broker.aliases.set_maximum(std::min(connack.topic_alias_maximum, bounds_->max_topic_aliases));
  publishes_.set_maximum(bounds_->max_qos2_in_flight);
  broker_ = {.retains = connack.retain_available, .max_qos = connack.maximum_qos};
  const std::uint16_t asked = connack.server_keep_alive.value_or(connecting_->keep_alive);
  const std::uint16_t keep_alive = set_keep_alive(connack, a.now);

  state_ = State::open;
  deadline_ = connecting_->valid_until;
  connecting_.reset();
  begun_ = true;
  events_.on_session_begin(who());

  // Where the gateway's own bounds are lower, a 5.0 client is told, so that it can keep them. One
  // that is as high as the protocol goes is lower than nothing.
  mqtt::PropertyChange changes[5];
  std::size_t count = 0;
  if (version_ == Version::v5) {
    if (connack.maximum_packet_size.value_or(UINT32_MAX) > bounds_->packet_bound()) {
      changes[count++] = {Property::maximum_packet_size, bounds_->packet_bound()};
    }
    if (connack.topic_alias_maximum > bounds_->max_topic_aliases) {
      changes[count++] = {Property::topic_alias_maximum, bounds_->max_topic_aliases};
    }
    if (connack.receive_maximum > bounds_->max_qos2_in_flight) {
      changes[count++] = {Property::receive_maximum, bounds_->max_qos2_in_flight};
    }
    if (asked != keep_alive) changes[count++] = {Property::server_keep_alive, keep_alive};
  }
  if (count == 0) return forward_referring(a, connack.properties);
  const bool away = leads_away(connack.properties);
  if (away) changes[count++] = {Property::server_reference, {}};
  Buffer& head = blank(a.turn);
  if (!mqtt::rewrite_properties(a.frame, {changes, count}, head) ||
      head.size() > to(Side::client).receiver_max) {  // [MQTT-3.1.2-24] (5.0)
    return forward_referring(a, connack.properties);
  }
  if (away) events_.on_rewrite(Rewrite::server_reference);
  to_broker.quota.set_maximum(std::min(connack.receive_maximum, bounds_->max_qos2_in_flight));
  told_max_packet_ = std::min(told_max_packet_, bounds_->packet_bound());
  return forward_as(a, head.bytes(), Rewrite::connack);
}

/// Works out what the broker and the gateway count from now on. Returns the latter, in seconds.
std::uint16_t Session::Impl::set_keep_alive(const mqtt::Connack& connack, Instant now) {
  const std::uint16_t asked =
      connack.server_keep_alive.value_or(connecting_->keep_alive);  // [MQTT-3.2.2-21]
  std::uint16_t own = std::min(asked, bounds_->max_keep_alive);
  if (asked == 0 && bounds_->bounds_keep_alive()) own = bounds_->max_keep_alive;
  // What the broker itself wants is not too short, and none at all is as long as can be.
  if (version_ == Version::v5 && !connack.server_keep_alive && own != 0) {
    own = std::max(own, bounds_->min_keep_alive);
  }
  keep_alive_.open(asked, own, now);
  return own;
}

/// A login may be over by now. And if the broker has assigned the client identifier, it is known
/// only now what ${client_id} stands for and which roles hold. 3.2.2.3.7 (5.0) Returns whether the
/// client may stay; if not, it has been refused.
bool Session::Impl::check_again(const Arrival& a, const mqtt::Connack& connack) {
  if (a.now >= connecting_->valid_until) {
    static_cast<void>(
        refuse_connect(a, ReasonCode::not_authorized, cause_of(Check::login_expired)));
    return false;
  }
  if (connack.assigned_client_id) {
    identity_.client_id = *connack.assigned_client_id;
    auto admitted = admit();
    if (!admitted) {
      static_cast<void>(refuse_connect(a, admitted.error().reason, admitted.error().cause));
      return false;
    }
    adopt(std::move(*admitted));
  }
  if (connecting_->will == nullptr) return true;
  const mqtt::Will will = connecting_->will->view();
  return judge_will(a, will) && charge_will(a, will);
}

}  // namespace sallyport
