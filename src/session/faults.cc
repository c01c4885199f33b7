// What a broker sends and should not. A packet that is whole and wrong costs that packet: a
// delivery is dropped and acknowledged in the client's place, an answer reaches the client without
// what is wrong with it, anything else is dropped. What clients tolerate passes, and is reported
// once a session. Only what breaks the framing, a CONNACK that cannot be taken apart, and a wrong
// AUTH end the session.

#include <algorithm>

#include "sallyport/topic.h"

#include "mqtt/mend.h"
#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::Property;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_text(std::string_view any_case, std::string_view lower) {
  return std::ranges::equal(any_case, lower, {}, to_lower);
}

/// Returns whether a Server Reference, which is a list with spaces in between, names only servers
/// that are allowed. 4.11 (5.0)
bool names_only(std::string_view reference, const std::vector<std::string>& allowed) {
  bool any = false;
  while (!reference.empty()) {
    const std::string_view server = reference.substr(0, reference.find(' '));
    reference.remove_prefix(std::min(reference.size(), server.size() + 1));
    if (server.empty()) continue;
    any = true;
    if (std::ranges::none_of(allowed, [&](const auto& one) { return equal_text(server, one); })) {
      return false;
    }
  }
  return any;
}

}  // namespace

/// A packet of the broker's that the framer has looked at twice.
[[gnu::noinline]] Session::Impl::Fate Session::Impl::on_odd(const Arrival& a,
                                                            const mqtt::FrameResult& found) {
  if (found.status == mqtt::FrameResult::Status::wrong) return malformed(a, found.error);
  static_cast<void>(tolerate(a, found.error.check));  // the framer has asked whether it may be
  return dispatch(a);
}

/// Returns where a decoder is to collect what it tolerates of a side; returns null if it is to
/// tolerate nothing.
CheckSet* Session::Impl::tolerance(Side from, CheckSet& collect) const {
  return from == Side::broker && !options_.faults.refuse_deviations ? &collect : nullptr;
}

/// Returns whether the broker may deviate in this, and reports it for the first time in a session.
bool Session::Impl::tolerate(const Arrival& a, Check check) {
  if (options_.faults.refuse_deviations || a.from != Side::broker) return false;
  if (tolerated_.add(check)) {
    report_refusal(a, Action::report, ReasonCode::protocol_error, cause_of(check), {});
  }
  return true;
}

void Session::Impl::note_tolerated(const Arrival& a, const CheckSet& tolerated) {
  if (tolerated.empty()) return;
  tolerated.for_each([&](Check check) { static_cast<void>(tolerate(a, check)); });
}

Session::Impl::Fate Session::Impl::malformed(const Arrival& a, mqtt::Malformed error) {
  if (a.from == Side::client) return end_malformed(a, error);
  const bool connack = a.type() == PacketType::connack && state_ == State::awaiting_connack;
  // An authentication with a step that is wrong cannot go on.
  const bool auth = a.type() == PacketType::auth && auth_method_ != nullptr;
  if (connack) return mend_connack(a, error);
  if (auth) return end_malformed(a, error);
  if (a.type() == PacketType::publish) return drop_delivery(a, error);

  report_refusal(a, Action::drop, error.reason, cause_of(error.check), {});
  if (state_ != State::open) return Fate::consumed;
  switch (a.type()) {
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return mend_ack(a);
    case PacketType::suback:
    case PacketType::unsuback:
      return mend_suback(a);
    case PacketType::pingresp:
      return mend_pingresp(a);
    case PacketType::disconnect:
      return mend_disconnect(a);
    default:
      return Fate::consumed;
  }
}

/// The broker would send a delivery again at every reconnect, and the client would never get what
/// is behind it. So it is acknowledged as what a rule refuses.
Session::Impl::Fate Session::Impl::drop_delivery(const Arrival& a, mqtt::Malformed error) {
  if (options_.faults.end_on_bad_delivery) return end_malformed(a, error);
  const mqtt::PublishRemains remains = mqtt::remains_of_publish(a.frame, version_);
  report_refusal(a, Action::drop, error.reason, cause_of(error.check), remains.topic);
  // The broker believes that it has set an alias. What it stands for now the client never learns,
  // and what it stood for before it must not be taken for.
  AliasTable& aliases = from_[Side::broker].aliases;
  if (remains.alias != 0) aliases.forget(remains.alias.value_or(0));
  if (remains.alias && !mqtt::check_topic_name(remains.topic, decode_bounds(Side::broker))) {
    aliases.set(*remains.alias, remains.topic, false);
  }
  if (remains.qos != 0) owe_broker(remains.packet_id, remains.qos, a.turn);
  return Fate::consumed;
}

/// CONNACK goes on without what is wrong with it, if that can be told apart. Else the client is not
/// let in.
Session::Impl::Fate Session::Impl::mend_connack(const Arrival& a, mqtt::Malformed error) {
  Buffer mended;
  if (options_.faults.refuse_deviations || !mqtt::mend_connack(a.frame, version_, mended)) {
    return end_malformed(a, error);
  }
  const auto found =
      mqtt::next_frame(mended.bytes(), {Side::broker, version_, UINT32_MAX, UINT32_MAX});
  CheckSet odd;
  if (!found.has_frame() || mended.size() > to(Side::client).receiver_max ||
      !mqtt::decode_connack(found.frame, version_, decode_bounds(Side::broker), &odd)) {
    return end_malformed(a, error);
  }
  report_refusal(a, Action::drop, error.reason, cause_of(error.check), {});
  events_.on_rewrite(Rewrite::mended);
  return on_connack({a.from, found.frame, false, {}, a.now, a.turn});
}

/// An acknowledgement goes on without its properties, and without what is no part of it. One
/// without packet identifier acknowledges nothing.
Session::Impl::Fate Session::Impl::mend_ack(const Arrival& a) {
  const mqtt::AckRemains remains = mqtt::remains_of_ack(a.frame, version_);
  if (remains.packet_id == 0) return Fate::consumed;
  const mqtt::Ack ack{a.type(), remains.packet_id, remains.reason, {}};
  if (!note_broker_ack(ack, a.now, a.turn)) return complete(a, ack.packet_id);
  reply(Side::client, a.turn,
        [&](Buffer& out) { mqtt::encode_ack(ack.type, version_, ack.packet_id, ack.reason, out); });
  events_.on_rewrite(Rewrite::mended);
  return Fate::consumed;
}

Session::Impl::Fate Session::Impl::mend_pingresp(const Arrival& a) {
  if (!keep_alive_.answers_client()) return Fate::consumed;
  reply(Side::client, a.turn, mqtt::encode_pingresp);
  events_.on_rewrite(Rewrite::mended);
  return Fate::consumed;
}

/// 3.x has no DISCONNECT of the broker's, so there it is dropped, and its connection ends or does
/// not.
Session::Impl::Fate Session::Impl::mend_disconnect(const Arrival& a) {
  if (version_ != Version::v5) return Fate::consumed;
  const mqtt::ReasonCode reason = mqtt::remains_of_disconnect(a.frame);
  note_broker_code(a.type(), reason);
  say_goodbye(reason, a.turn);
  events_.on_rewrite(Rewrite::mended);
  close({Side::broker, CloseKind::disconnect, {}}, a.turn);
  return Fate::consumed;
}

/// Returns whether CONNACK or DISCONNECT of the broker's would send the client to a server that it
/// may not be sent to: past this gateway. 4.11 (5.0)
bool Session::Impl::leads_away(const mqtt::Properties& properties) const {
  mqtt::PropertyView property;
  for (Bytes rest = properties.raw; mqtt::next_property(rest, property);) {
    if (property.id == Property::server_reference) {
      return !names_only(as_text(property.value), options_.faults.server_references);
    }
  }
  return false;
}

/// Sends on CONNACK or DISCONNECT, without a Server Reference that leads away.
Session::Impl::Fate Session::Impl::forward_referring(const Arrival& a,
                                                     const mqtt::Properties& properties) {
  if (!leads_away(properties)) return forward(a);
  const mqtt::PropertyChange change{Property::server_reference, {}};
  Buffer& head = blank(a.turn);
  if (!mqtt::rewrite_properties(a.frame, {&change, 1}, head)) {
    return end_malformed(a, {Check::remaining_length, ReasonCode::malformed_packet});
  }
  return forward_as(a, head.bytes(), Rewrite::server_reference);
}

}  // namespace sallyport
