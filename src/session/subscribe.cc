// SUBSCRIBE is decided filter by filter. The refused ones are taken out on the way to the broker
// and their codes put back in place on the way back.

#include "sallyport/topic.h"

#include "session/impl.h"

namespace sallyport {

using mqtt::PacketType;
using mqtt::ReasonCode;
using mqtt::Version;

namespace {

/// The reason codes that SUBACK may carry for a refusal. 3.9.3 (5.0)
std::uint8_t for_suback(Version version, ReasonCode reason) {
  if (version != Version::v5) return mqtt::kSubackFailure;  // [MQTT-3.9.3-2] (3.1.1)
  switch (reason) {
    case ReasonCode::implementation_specific_error:
    case ReasonCode::not_authorized:
    case ReasonCode::topic_filter_invalid:
    case ReasonCode::packet_identifier_in_use:
    case ReasonCode::quota_exceeded:
    case ReasonCode::shared_subscriptions_not_supported:
    case ReasonCode::subscription_identifiers_not_supported:
    case ReasonCode::wildcard_subscriptions_not_supported:
      return static_cast<std::uint8_t>(reason);
    case ReasonCode::message_rate_too_high:
      return static_cast<std::uint8_t>(ReasonCode::quota_exceeded);
    default:
      return static_cast<std::uint8_t>(ReasonCode::unspecified_error);
  }
}

}  // namespace

Session::Impl::Fate Session::Impl::on_subscribe(const Arrival& a) {
  const auto decoded = mqtt::decode_subscribe(a.frame, version_, bounds_);
  if (!decoded) return malformed(a, decoded.error());
  const mqtt::Subscribe& subscribe = *decoded;
  spend(subscribe.count, a.turn);
  // 3.x says nothing against sending a request again; only where the answer could not be told apart
  // it is refused. [MQTT-2.2.1-3] (5.0)
  if (version_ == Version::v5 ? subscribes_.contains(subscribe.packet_id)
                              : subscribes_.contains_reduced(subscribe.packet_id)) {
    return malformed(a, {Check::packet_identifier, ReasonCode::packet_identifier_in_use});
  }

  Budget::Exceeded over;
  const RateAnswer rate = admit_rate(a, grants_->role_limits(), over);
  if (rate == RateAnswer::later) return Fate::later;
  charge_role(a, over);
  if (rate == RateAnswer::over) return refuse_request(a, subscribe, over);

  SubscribeWindow::Codes codes(subscribe.count, SubscribeWindow::kForwarded);
  std::size_t refused = 0;
  std::size_t index = 0;
  mqtt::FilterEntry entry;
  for (Bytes rest = subscribe.payload; mqtt::next_filter(subscribe.type, rest, entry); ++index) {
    const policy::Verdict verdict =
        grants_->check_subscribe(mqtt::split_share(entry.filter).filter, entry.qos());
    if (verdict.allowed) {
      note_reported(a, verdict, entry.filter);
      continue;
    }
    report_refusal(a, verdict.action, verdict.reason, verdict.cause, entry.filter);
    if (verdict.action == Action::disconnect) {
      say_goodbye(verdict.reason, a.turn);
      close({Side::client, CloseKind::refused, verdict.cause.name}, a.turn);
      return Fate::consumed;
    }
    codes[index] = for_suback(version_, verdict.reason);
    ++refused;
  }

  if (refused == codes.size()) return answer_request(a, subscribe, codes);
  // Where some filters have to be taken out, for the policy or for their number.
  if (subscribes_.full() && (refused != 0 || !subscriptions_.has_room(codes.size()))) {
    report_refusal(a, Action::drop, ReasonCode::quota_exceeded, cause_of(Check::requests_in_flight),
                   {});
    codes.assign(codes.size(), for_suback(version_, ReasonCode::quota_exceeded));
    return answer_request(a, subscribe, codes);
  }
  refused += count_subscriptions(a, subscribe, codes);
  if (refused == codes.size()) return answer_request(a, subscribe, codes);
  if (refused == 0) {
    subscribes_.follow(subscribe.packet_id, subscribe.count);
    return forward(a);
  }
  Buffer& head = blank(a.turn);
  const auto keep = [&codes](std::size_t i) { return codes[i] == SubscribeWindow::kForwarded; };
  if (!mqtt::rewrite_subscribe(a.frame, subscribe, keep, head)) {
    return malformed(a, {Check::remaining_length, ReasonCode::malformed_packet});
  }
  const Fate fate = forward_as(a, head.bytes(), Rewrite::subscribe);
  subscribes_.add(subscribe.packet_id, std::move(codes));
  return fate;
}

/// Counts the filters that go to the broker, and refuses those over the bound. Returns how many it
/// refused.
std::size_t Session::Impl::count_subscriptions(const Arrival& a, const mqtt::Subscribe& request,
                                               SubscribeWindow::Codes& codes) {
  std::size_t refused = 0;
  std::size_t index = 0;
  std::uint16_t kept = 0;  // the broker answers what is left, in order
  mqtt::FilterEntry entry;
  subscriptions_.begin(request.type, request.packet_id);
  for (Bytes rest = request.payload; mqtt::next_filter(request.type, rest, entry); ++index) {
    if (codes[index] != SubscribeWindow::kForwarded) continue;
    if (subscriptions_.subscribe(request.packet_id, kept, entry.filter)) {
      ++kept;
      continue;
    }
    report_refusal(a, Action::drop, ReasonCode::quota_exceeded, cause_of(Check::subscriptions),
                   entry.filter);
    codes[index] = for_suback(version_, ReasonCode::quota_exceeded);
    ++refused;
  }
  return refused;
}

Session::Impl::Fate Session::Impl::on_unsubscribe(const Arrival& a) {
  const auto decoded = mqtt::decode_subscribe(a.frame, version_, bounds_);
  if (!decoded) return malformed(a, decoded.error());
  spend(decoded->count, a.turn);
  if (version_ == Version::v5 && subscribes_.contains(decoded->packet_id)) {  // [MQTT-2.2.1-3]
    return malformed(a, {Check::packet_identifier, ReasonCode::packet_identifier_in_use});
  }
  Budget::Exceeded over;
  const RateAnswer rate = admit_rate(a, grants_->role_limits(), over);
  if (rate == RateAnswer::later) return Fate::later;
  // UNSUBACK of 3.x cannot say no, so there the limit is only reported.
  if (rate == RateAnswer::over && version_ != Version::v5 && over.action == Action::drop) {
    over.action = Action::report;
  }
  charge_role(a, over);
  if (rate == RateAnswer::over && over.action != Action::report) {
    return refuse_request(a, *decoded, over);
  }
  if (version_ == Version::v5) subscribes_.follow(decoded->packet_id, decoded->count);
  subscriptions_.begin(decoded->type, decoded->packet_id);
  mqtt::FilterEntry entry;
  Bytes rest = decoded->payload;
  for (std::uint16_t index = 0; mqtt::next_filter(decoded->type, rest, entry); ++index) {
    subscriptions_.unsubscribe(decoded->packet_id, index, entry.filter);
  }
  return forward(a);
}

/// A whole SUBSCRIBE or UNSUBSCRIBE over a rate limit.
Session::Impl::Fate Session::Impl::refuse_request(const Arrival& a, const mqtt::Subscribe& request,
                                                  const Budget::Exceeded& over) {
  if (refuse_over(a, over)) return Fate::consumed;
  // UNSUBACK has no code for a quota. [MQTT-3.11.3-2] (5.0)
  const ReasonCode reason = a.type() == PacketType::unsubscribe
                                ? ReasonCode::implementation_specific_error
                                : ReasonCode::quota_exceeded;
  const SubscribeWindow::Codes codes(request.count, for_suback(version_, reason));
  return answer_request(a, request, codes);
}

Session::Impl::Fate Session::Impl::answer_request(const Arrival& a, const mqtt::Subscribe& request,
                                                  const SubscribeWindow::Codes& codes) {
  const PacketType answer =
      a.type() == PacketType::subscribe ? PacketType::suback : PacketType::unsuback;
  reply(Side::client, a.turn,
        [&](Buffer& out) { mqtt::encode_suback(answer, version_, request.packet_id, codes, out); });
  return Fate::consumed;
}

}  // namespace sallyport
