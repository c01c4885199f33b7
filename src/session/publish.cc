// PUBLISH, of either side. It is decided when the variable header is complete; the payload streams
// through or is skipped, unless a rule inspects it. A delivery of the broker's is a read: it is
// checked again, because a subscription may be wider than what a deny rule leaves of it, or older
// than the rule.

#include <algorithm>

#include "sallyport/topic.h"

#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

/// Returns the topic that a PUBLISH means; returns an empty one if its alias was never set.
std::string_view resolve(const mqtt::Publish& publish, const AliasTable& aliases) {
  if (!publish.topic.empty()) return publish.topic;
  const AliasTable::Entry* entry = aliases.find(publish.topic_alias);
  return entry ? std::string_view(entry->topic) : std::string_view();
}

policy::Verdict refusal(mqtt::Malformed beyond) {
  policy::Verdict verdict;
  verdict.cause = {to_string(beyond.check), false};
  verdict.reason = beyond.reason;
  return verdict;
}

}  // namespace

/// Passes on a PUBLISH of either side about which the session knows everything: topic and flags are
/// those of a remembered verdict, which holds for this size of payload, it has no properties, and
/// there is room in every limit. Returns the number of bytes of `in` that were taken. Returns 0 if
/// on_publish() has to decide, and then nothing has changed. on_publish() would pass this packet on
/// as well; this function only saves it the work. One for each side, because nearly every packet
/// comes here and the compiler knows the side then.
template <Side kFrom>
std::size_t Session::Impl::pass_known(Bytes in, Instant now, Turn& turn) {
  const mqtt::PlainPublish publish = mqtt::read_plain_publish(in, version_);
  if (publish.total == 0 || publish.total > largest(kFrom)) return 0;
  Direction& way = from_[kFrom];
  // Verdicts that want to see the payload are never remembered.
  const policy::Verdict* verdict =
      way.verdicts.find({publish.topic, publish.qos, publish.retain, publish.payload_size});
  if (verdict == nullptr || !verdict->allowed || !verdict->reported.name.empty()) return 0;
  const bool counts = version_ == Version::v5 && publish.qos != 0;
  if (counts && way.quota.spent()) return 0;
  const bool delivers = kFrom == Side::broker && publish.qos != 0;
  if (delivers && deliveries_.in_use(publish.packet_id)) return 0;
  if (!budget_.take(role_limits(kFrom), verdict->limit, publish.total, now)) return 0;

  const std::size_t here = std::min(publish.total, in.size());
  const auto behind = static_cast<std::uint32_t>(publish.total - here);
  way.outlet.forward(in.first(here), behind, true, turn.to(other(kFrom)));
  way.inlet.finish(behind, true);
  if (delivers) deliveries_.deliver(publish.packet_id, publish.qos);
  if (counts) way.quota.take();
  if (kFrom == Side::client) answers_.asked(publish, now);
  note_packet(kFrom, PacketType::publish, publish.total);
  note_bytes(kFrom, true, now);
  return here;
}

template std::size_t Session::Impl::pass_known<Side::client>(Bytes, Instant, Turn&);
template std::size_t Session::Impl::pass_known<Side::broker>(Bytes, Instant, Turn&);

Session::Impl::Fate Session::Impl::on_publish(const Arrival& a) {
  const auto decoded = mqtt::decode_publish(a.frame, a.from, version_, decode_bounds(a.from));
  if (!decoded) return malformed(a, decoded.error());
  const mqtt::Publish& publish = *decoded;
  Direction& way = from_[a.from];

  if (publish.topic_alias != 0 && !way.aliases.valid(publish.topic_alias)) {
    // [MQTT-3.1.2-26] [MQTT-3.3.2-9]
    return malformed(a, {Check::topic_alias, ReasonCode::topic_alias_invalid});
  }
  const std::string_view topic = resolve(publish, way.aliases);
  if (topic.empty()) return malformed(a, {Check::topic_alias, ReasonCode::protocol_error});

  // There are devices that read a topic into an array: CVE-2018-19417.
  if (a.from == Side::broker && topic.size() > bounds_->max_delivery_topic) {
    return malformed(a, {Check::topic_too_long, ReasonCode::topic_name_invalid});
  }

  bool again = false;
  if (const auto bad = check_exchange(a.from, publish, again); bad && !tolerate(a, bad->check)) {
    return malformed(a, *bad);
  }
  const bool counts = version_ == Version::v5 && publish.qos != 0 && !again;
  if (counts && way.quota.spent() &&  // [MQTT-3.3.4-7] [MQTT-3.3.4-9]
      !tolerate(a, Check::receive_maximum)) {
    // The client was told the lower of both.
    const bool by_bound = a.from == Side::client && publish.qos == 2 && publishes_.full();
    return malformed(a, {by_bound ? Check::qos2_in_flight : Check::receive_maximum,
                         ReasonCode::receive_maximum_exceeded});
  }

  // Nearly none of all packets has to be asked about one by one.
  const bool maybe_beyond = publish.over.has_value() || publish.topic.empty() || publish.qos == 2 ||
                            a.size() > largest(a.from);
  const std::optional<mqtt::Malformed> beyond =
      maybe_beyond ? beyond_bounds(a, publish, again) : std::nullopt;
  policy::Verdict verdict = beyond ? refusal(*beyond) : judge(a.from, publish, topic);
  if (verdict.allowed && verdict.inspect != nullptr && !inspect(a, publish, topic, verdict)) {
    return Fate::held;
  }
  if (!admit_publish(a, topic, verdict)) return Fate::later;

  // Decided. From here on state changes.
  way.refused_last = !verdict.allowed;
  if (!verdict.allowed) {
    return refuse_publish(a, publish, topic, verdict.cause, verdict.action, verdict.reason);
  }
  note_reported(a, verdict, topic);
  const Fate fate = forward_publish(a, publish, topic);
  if (fate == Fate::consumed) {
    return refuse_publish(a, publish, topic, cause_of(Check::packet_too_large), Action::drop,
                          ReasonCode::implementation_specific_error);
  }
  begin_exchange(a.from, publish, a.now);
  if (counts) way.quota.take();
  return fate;
}

/// Returns what bound a PUBLISH is beyond that is well-formed; returns none if it is beyond none.
/// It goes no further and is answered as one that a rule refuses, for the conversation can go on.
[[gnu::noinline]] std::optional<mqtt::Malformed> Session::Impl::beyond_bounds(
    const Arrival& a, const mqtt::Publish& publish, bool again) const {
  if (publish.over) return publish.over;
  if (a.from == Side::broker) return std::nullopt;
  // A client that was told of it sends no such packet, or is told that it was wrong by the framer.
  if (a.size() > largest(a.from)) {
    return mqtt::Malformed{Check::packet_too_large, ReasonCode::quota_exceeded};
  }
  if (publish.topic.empty()) {
    const AliasTable::Entry* entry = from_[a.from].aliases.find(publish.topic_alias);
    if (entry->over) return entry->over;
  }
  if (publish.qos == 2 && !again && publishes_.full() && !publishes_.refused(publish.packet_id)) {
    return mqtt::Malformed{Check::qos2_in_flight, ReasonCode::quota_exceeded};
  }
  return std::nullopt;
}

/// The sender of a PUBLISH that was refused believes that its alias is set, and the receiver never
/// hears of it. Of a topic beyond the bounds no more is kept than they allow.
void Session::Impl::remember_alias(Side from, const mqtt::Publish& publish) {
  if (publish.topic_alias == 0 || publish.topic.empty()) return;
  const Bounds& bounds = decode_bounds(from);
  AliasTable& aliases = from_[from].aliases;
  if (const auto over = mqtt::check_topic_name(publish.topic, bounds)) {
    aliases.set_beyond(publish.topic_alias, publish.topic.substr(0, bounds.max_topic_length),
                       {*over, ReasonCode::topic_name_invalid});
  } else {
    aliases.set(publish.topic_alias, publish.topic, false);
  }
}

/// Returns the verdict on a PUBLISH of either side, whose topic is `topic`, by name or by alias.
policy::Verdict Session::Impl::judge(Side from, const mqtt::Publish& publish,
                                     std::string_view topic) {
  const policy::PublishRequest request{topic, publish.qos, publish.retain, publish.payload_size};
  VerdictMemo& memo = from_[from].verdicts;
  policy::Verdict verdict;
  if (const policy::Verdict* remembered = memo.find(request)) {
    verdict = *remembered;
  } else {
    verdict =
        from == Side::client ? grants_->check_publish(request) : grants_->check_delivery(request);
    // What stands in the packet has been held against the bounds that are in force, as pass_known()
    // takes for granted. What an alias stands for was held against them when it was set.
    if (!publish.topic.empty() && verdict.inspect == nullptr) memo.put(request, verdict);
  }
  if (from == Side::broker || !verdict.allowed || !publish.response_topic) return verdict;
  const policy::Verdict response = grants_->check_response_topic(*publish.response_topic);
  if (!response.allowed) return response;
  if (verdict.reported.name.empty()) {
    verdict.reported = response.reported;
    verdict.reported_reason = response.reported_reason;
  }
  return verdict;
}

/// Returns how large a packet of this side may be to be held: the connection's bytes for that,
/// without those that the other side uses.
std::size_t Session::Impl::room_to_hold(Side from) const {
  const std::size_t used = from_[other(from)].inlet.held();
  return options_.max_held - std::min<std::size_t>(options_.max_held, used);
}

/// Lets the rule that allows a PUBLISH see the payload, which may turn the verdict into a refusal.
/// Returns false if the payload has to be held first; then nothing has changed.
bool Session::Impl::inspect(const Arrival& a, const mqtt::Publish& publish, std::string_view topic,
                            policy::Verdict& verdict) {
  std::optional<Bytes> payload;
  if (publish.payload_size <= verdict.inspect->max_bytes && a.size() <= room_to_hold(a.from)) {
    if (a.behind.size() < publish.payload_size) return false;
    payload = a.behind.first(publish.payload_size);
  }
  show_payload(payload, topic, verdict, a.turn);
  return true;
}

/// Shows a payload to the inspector of a verdict. `payload` is none if it is too large to be shown,
/// which refuses it in the name of the same rule.
void Session::Impl::show_payload(std::optional<Bytes> payload, std::string_view topic,
                                 policy::Verdict& verdict, Turn& turn) {
  constexpr std::uint32_t kBytesOfWork = 1024;  // that cost as much as a packet
  std::optional<ReasonCode> refused = ReasonCode::implementation_specific_error;
  if (payload) {
    spend(static_cast<std::uint32_t>(payload->size()) / kBytesOfWork, turn);
    refused = verdict.inspect->inspector->refuse(topic, *payload);
  }
  if (!refused) return;
  if (verdict.action != Action::report) {
    verdict.allowed = false;
    verdict.reason = *refused;
  } else if (verdict.reported.name.empty()) {
    verdict.reported = verdict.cause;
    verdict.reported_reason = *refused;
  }
}

/// Charges a PUBLISH of either side to the limits that it counts for. If it does not fit, the
/// limits of the roles decide first: what they refuse is not counted as what the rule lets through.
/// Returns false if the packet has to wait. May turn a verdict that allows into a refusal.
bool Session::Impl::admit_publish(const Arrival& a, std::string_view topic,
                                  policy::Verdict& verdict) {
  const std::span<const std::uint32_t> roles = role_limits(a.from);
  const std::uint32_t limit = verdict.allowed ? verdict.limit : policy::kNoLimit;
  if (budget_.take(roles, limit, a.size(), a.now)) return true;

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

/// Sends a PUBLISH on, in either direction. If it names its topic by an alias that the receiver
/// never learnt, the topic is put back. Returns `consumed` if it would then be larger than the
/// receiver takes; nothing was sent then. [MQTT-3.1.2-24] [MQTT-3.2.2-15]
Session::Impl::Fate Session::Impl::forward_publish(const Arrival& a, const mqtt::Publish& publish,
                                                   std::string_view topic) {
  if (publish.topic_alias == 0) return forward(a);
  Direction& way = from_[a.from];
  if (!publish.topic.empty()) {
    way.aliases.set(publish.topic_alias, topic, true);
    return forward(a);
  }
  if (way.aliases.find(publish.topic_alias)->receiver_knows) return forward(a);

  Buffer& head = blank(a.turn);
  if (!mqtt::rewrite_publish_topic(a.frame, topic, head) ||
      head.size() + std::uint64_t{publish.payload_size} > way.receiver_max) {
    return Fate::consumed;
  }
  const Fate fate = forward_as(a, head.bytes(), Rewrite::topic_alias);
  way.aliases.mark_known(publish.topic_alias);
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
  remember_alias(a.from, publish);
  if (publish.qos == 0) return Fate::consumed;
  if (a.from == Side::client) {
    answer_client(publish, reason, a.turn);
  } else {
    owe_broker(publish.packet_id, publish.qos, a.turn);
  }
  return Fate::consumed;
}

}  // namespace sallyport
