// The client publishes. Decided when the variable header is complete; the payload streams through
// or is skipped.

#include <algorithm>

#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

/// The reason codes that PUBACK and PUBREC may carry. 3.4.2.1, 3.5.2.1 (5.0)
ReasonCode for_puback(ReasonCode reason) {
  switch (reason) {
    case ReasonCode::implementation_specific_error:
    case ReasonCode::not_authorized:
    case ReasonCode::topic_name_invalid:
    case ReasonCode::packet_identifier_in_use:
    case ReasonCode::quota_exceeded:
    case ReasonCode::payload_format_invalid:
      return reason;
    case ReasonCode::message_rate_too_high:
      return ReasonCode::quota_exceeded;
    default:
      return ReasonCode::unspecified_error;
  }
}

}  // namespace

std::string_view Session::Impl::resolve(const mqtt::Publish& publish, const AliasTable& aliases) {
  if (!publish.topic.empty()) return publish.topic;
  const AliasTable::Entry* entry = aliases.find(publish.topic_alias);
  return entry ? std::string_view(entry->topic) : std::string_view();
}

/// Passes on a PUBLISH of either side that says again what was decided before: the same topic and
/// flags, no properties, a payload for which the verdict is the same, and room in every limit. Says
/// how much of the input that was; 0: nothing has changed, and it goes the long way. This is the
/// long way's answer for such a packet, and no other; it only spares it the questions.
std::size_t Session::Impl::pass_known(Side from, Bytes in, Instant now, Turn& turn) {
  const mqtt::PlainPublish publish = mqtt::read_plain_publish(in, version_);
  if (publish.total == 0 || publish.total > largest(from)) return 0;
  const policy::Verdict* verdict =
      verdicts(from).find({publish.topic, publish.qos, publish.retain, publish.payload_size});
  if (verdict == nullptr || !verdict->allowed || !verdict->reported.name.empty()) return 0;
  const bool counts = version_ == Version::v5 && publish.qos != 0;
  if (counts && quota(from).spent()) return 0;
  const bool delivers = from == Side::broker && publish.qos != 0;
  if (delivers && deliveries_.in_use(publish.packet_id)) return 0;
  if (!budget_.take(*policy_, role_limits(from), verdict->limit, publish.total, now)) return 0;

  const std::size_t here = std::min(publish.total, in.size());
  const auto behind = static_cast<std::uint32_t>(publish.total - here);
  outlet(other(from)).forward(in.first(here), behind, true, turn.to(other(from)));
  inlet(from).finish(behind, true);
  if (delivers) deliveries_.deliver(publish.packet_id, publish.qos);
  if (counts) quota(from).take();
  events_.on_packet(from, PacketType::publish, publish.total);
  note_bytes(from, true, now);
  return here;
}

Session::Impl::Fate Session::Impl::on_client_publish(const Arrival& a) {
  const auto decoded = mqtt::decode_publish(a.frame, a.from, version_, bounds_);
  if (!decoded) return malformed(a, decoded.error());
  const mqtt::Publish& publish = *decoded;

  if (publish.topic_alias != 0 && !to_broker_aliases_.valid(publish.topic_alias)) {
    return malformed(a, {Check::topic_alias, ReasonCode::topic_alias_invalid});  // [MQTT-3.3.2-9]
  }
  const std::string_view topic = resolve(publish, to_broker_aliases_);
  if (topic.empty()) return malformed(a, {Check::topic_alias, ReasonCode::protocol_error});

  // What the broker's CONNACK said it cannot do. [MQTT-3.2.2-11] [MQTT-3.2.2-14]
  if (publish.qos > broker_max_qos_) {
    return malformed(a, {Check::qos, ReasonCode::qos_not_supported});
  }
  if (publish.retain && !broker_retains_) {
    return malformed(a, {Check::retain, ReasonCode::retain_not_supported});
  }

  // The same identifier for a new message, while the old exchange runs. [MQTT-2.2.1-3] (5.0)
  const bool again = publish.qos == 2 && publishes_.with_broker(publish.packet_id);
  if (again && !publish.dup) {
    return malformed(a, {Check::packet_identifier, ReasonCode::packet_identifier_in_use});
  }
  if (publish.qos == 2 && !again && publishes_.full() && !publishes_.refused(publish.packet_id)) {
    return malformed(a, {Check::qos2_in_flight, ReasonCode::receive_maximum_exceeded});
  }
  const bool counts = version_ == Version::v5 && publish.qos != 0 && !again;
  if (counts && quota(Side::client).spent()) {  // [MQTT-3.3.4-7]
    return malformed(a, {Check::receive_maximum, ReasonCode::receive_maximum_exceeded});
  }

  policy::Verdict verdict = judge(a.from, publish, topic);
  if (verdict.allowed && publish.response_topic) {
    const policy::Verdict response = grants_->check_response_topic(*publish.response_topic);
    if (!response.allowed) {
      verdict = response;
    } else if (verdict.reported.name.empty()) {
      verdict.reported = response.reported;
      verdict.reported_reason = response.reported_reason;
    }
  }

  if (!admit_publish(a, topic, verdict)) return Fate::later;

  // Decided. From here on state changes.
  if (!verdict.allowed) {
    return refuse_publish(a, publish, topic, verdict.cause, verdict.action, verdict.reason);
  }
  note_reported(a, verdict, topic);
  const Fate fate = forward_publish(a, publish, topic, to_broker_aliases_, broker_max_packet_);
  if (fate == Fate::consumed) {
    return refuse_publish(a, publish, topic, cause_of(Check::packet_too_large), Action::drop,
                          ReasonCode::implementation_specific_error);
  }
  if (publish.qos == 2) publishes_.forward(publish.packet_id);
  if (counts) quota(Side::client).take();
  return fate;
}

/// Charges a PUBLISH of either side to what it counts for. Where it does not fit, those of the
/// roles come first: what they refuse is not counted as what the rule lets through. False: later. A
/// verdict that allowed may have become a refusal.
bool Session::Impl::admit_publish(const Arrival& a, std::string_view topic,
                                  policy::Verdict& verdict) {
  const std::span<const std::uint32_t> roles = role_limits(a.from);
  const std::uint32_t limit = verdict.allowed ? verdict.limit : policy::kNoLimit;
  if (budget_.take(*policy_, roles, limit, a.size(), a.now)) return true;

  const auto refuse = [&verdict](const Budget::Exceeded& over) {
    verdict.allowed = false;
    verdict.cause = {over.limit->name, over.limit->is_rule};
    verdict.action = over.action;
    verdict.reason = over_reason(over.action);
  };
  const std::span<const std::uint32_t> rule(&limit, limit == policy::kNoLimit ? 0 : 1);
  Budget::Exceeded role_over;
  Budget::Exceeded rule_over;
  const RateAnswer by_role = admit_rate(a, roles, role_over);
  if (by_role == RateAnswer::later) return false;
  if (by_role == RateAnswer::over) {
    refuse(role_over);
  } else {
    const RateAnswer by_rule = admit_rate(a, rule, rule_over);
    if (by_rule == RateAnswer::later) return false;
    if (by_rule == RateAnswer::over) refuse(rule_over);
  }
  budget_.charge(payer(), *policy_, roles, a.size(), a.now);
  report_over(a, role_over, {});
  if (verdict.allowed) {
    budget_.charge(payer(), *policy_, rule, a.size(), a.now);
    report_over(a, rule_over, topic);
  }
  return true;
}

/// Sends a PUBLISH on, in either direction. Where it names its topic by an alias that the receiver
/// never learnt, the topic is put back. `consumed`: it would then be larger than the receiver takes
/// [MQTT-3.1.2-24] [MQTT-3.2.2-15]; nothing was sent.
Session::Impl::Fate Session::Impl::forward_publish(const Arrival& a, const mqtt::Publish& publish,
                                                   std::string_view topic, AliasTable& aliases,
                                                   std::optional<std::uint32_t> receiver_max) {
  if (publish.topic_alias == 0) return forward(a);
  if (!publish.topic.empty()) {
    aliases.set(publish.topic_alias, topic, true);
    return forward(a);
  }
  if (aliases.find(publish.topic_alias)->receiver_knows) return forward(a);

  scratch_.clear();
  if (!mqtt::rewrite_publish_topic(a.frame, topic, scratch_) ||
      scratch_.size() + std::uint64_t{publish.payload_size} > receiver_max.value_or(UINT32_MAX)) {
    scratch_.release();
    return Fate::consumed;
  }
  const Fate fate = forward_as(a, scratch_.bytes(), Rewrite::topic_alias);
  aliases.mark_known(publish.topic_alias);
  scratch_.release();
  return fate;
}

Session::Impl::Fate Session::Impl::refuse_publish(const Arrival& a, const mqtt::Publish& publish,
                                                  std::string_view topic, policy::Cause cause,
                                                  Action action, ReasonCode reason) {
  report_refusal(a, action, reason, cause, topic);
  if (action == Action::disconnect) {
    say_goodbye(reason, a.turn);
    close({Side::client, CloseKind::refused, cause.name}, a.turn);
    return Fate::consumed;
  }
  // The client believes that the alias is set, the broker never hears of it.
  if (publish.topic_alias != 0 && !publish.topic.empty()) {
    to_broker_aliases_.set(publish.topic_alias, publish.topic, false);
  }
  if (publish.qos == 0) return Fate::consumed;
  // Said again while the broker carries the exchange on: the answer to it is the broker's.
  if (publish.qos == 2 && publishes_.with_broker(publish.packet_id)) return Fate::consumed;
  // MQTT 3.x has no way to say no, so the exchange is run to its end. 5.0 says why; a PUBREC with a
  // reason code of 0x80 or more is the last packet of a QoS 2 exchange [MQTT-4.3.3-4].
  const PacketType answer = publish.qos == 1 ? PacketType::puback : PacketType::pubrec;
  if (publish.qos == 2 && version_ != Version::v5) publishes_.refuse(publish.packet_id);
  scratch_.clear();
  mqtt::encode_ack(answer, version_, publish.packet_id, for_puback(reason), scratch_);
  inject(Side::client, scratch_, a.turn);
  return Fate::consumed;
}

}  // namespace sallyport
