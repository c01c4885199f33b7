// SUBSCRIBE is decided filter by filter. The refused ones are taken out on the way to the broker
// and their codes put back in place on the way back. So are the filters of an UNSUBSCRIBE that are
// beyond the bounds on a topic.

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
  const auto decoded = mqtt::decode_subscribe(a.frame, version_, *bounds_);
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
  if (subscribe.over) return refuse_beyond(a, subscribe);

  SubscribeWindow::Request asked = begin_request(subscribe);
  if (!refuse_entries(a, subscribe, asked)) return Fate::consumed;
  if (asked.forwarded == 0) return answer_request(a, subscribe, asked);
  // Where some filters have to be taken out, for the policy or for their number.
  if (subscribes_.full() &&
      (asked.forwarded != subscribe.count || !subscriptions_.has_room(asked.forwarded))) {
    report_refusal(a, Action::drop, ReasonCode::quota_exceeded, cause_of(Check::requests_in_flight),
                   {});
    return answer_request(a, subscribe, refused_whole(subscribe, ReasonCode::quota_exceeded));
  }
  count_subscriptions(a, subscribe, asked);
  return forward_request(a, subscribe, std::move(asked));
}

/// Returns the request as far as the bound on its number lets it go: what is behind is refused.
SubscribeWindow::Request Session::Impl::begin_request(const mqtt::Subscribe& request) const {
  // UNSUBSCRIBE makes nobody keep anything, so their number is bounded by its size alone; the
  // client of 3.x could not even be told.
  const std::uint32_t most =
      request.type == PacketType::subscribe ? bounds_->max_filters : request.count;
  const std::uint32_t taken = std::min(request.count, most);
  return {.type = request.type,
          .codes = SubscribeWindow::Codes(taken, SubscribeWindow::kForwarded),
          .behind = request.count - taken,
          .over_code = for_suback(version_, ReasonCode::quota_exceeded),
          .forwarded = taken};
}

/// Returns a request of which no filter goes to the broker.
SubscribeWindow::Request Session::Impl::refused_whole(const mqtt::Subscribe& request,
                                                      ReasonCode reason) const {
  // UNSUBACK has no code for a quota. [MQTT-3.11.3-2] (5.0)
  const bool says_quota = request.type == PacketType::subscribe;
  const bool quota = reason == ReasonCode::quota_exceeded;
  return {.type = request.type,
          .codes = {},
          .behind = request.count,
          .over_code = for_suback(
              version_, quota && !says_quota ? ReasonCode::implementation_specific_error : reason)};
}

/// Decides the filters of a request, one by one: those beyond a bound are refused, and those of a
/// SUBSCRIBE that no rule allows. Returns false if the session is over for one of them.
bool Session::Impl::refuse_entries(const Arrival& a, const mqtt::Subscribe& request,
                                   SubscribeWindow::Request& asked) {
  const auto refuse = [&](std::uint8_t& code, Action action, ReasonCode reason, policy::Cause cause,
                          std::string_view filter) {
    report_refusal(a, action, reason, cause, filter);
    code = for_suback(version_, reason);
    --asked.forwarded;
  };
  mqtt::FilterEntry entry;
  Bytes rest = request.payload;
  for (std::uint8_t& code : asked.codes) {
    static_cast<void>(mqtt::next_filter(request.type, rest, entry));
    if (request.entries_over) {
      if (const auto over = mqtt::entry_over(entry, version_, *bounds_)) {
        refuse(code, Action::drop, over->reason, cause_of(over->check), entry.filter);
        continue;
      }
    }
    if (request.type == PacketType::unsubscribe) continue;
    const policy::Verdict verdict =
        grants_->check_subscribe(mqtt::split_share(entry.filter).filter, entry.qos());
    if (verdict.allowed) {
      note_reported(a, verdict, entry.filter);
      continue;
    }
    refuse(code, verdict.action, verdict.reason, verdict.cause, entry.filter);
    if (verdict.action == Action::disconnect) {
      say_goodbye(verdict.reason, a.turn);
      close({Side::client, CloseKind::refused, verdict.cause.name}, a.turn);
      return false;
    }
  }
  // Those behind are one thing that is wrong, however many they are, and are told of once.
  if (asked.behind != 0 && mqtt::next_filter(request.type, rest, entry)) {
    report_refusal(a, Action::drop, ReasonCode::quota_exceeded, cause_of(Check::too_many_filters),
                   entry.filter);
  }
  return true;
}

/// Sends on what is left of a request, and keeps in mind what the answer has to say of the rest.
Session::Impl::Fate Session::Impl::forward_request(const Arrival& a, const mqtt::Subscribe& request,
                                                   SubscribeWindow::Request asked) {
  if (asked.forwarded == 0) return answer_request(a, request, asked);
  // UNSUBACK of 3.x has no codes.
  const bool has_codes = request.type == PacketType::subscribe || version_ == Version::v5;
  if (request.type == PacketType::subscribe) {
    answers_.asked(PacketType::suback, request.packet_id, a.now);
  }
  if (asked.forwarded == request.count) {
    if (has_codes) subscribes_.follow(request.packet_id, request.type, request.count);
    return forward(a);
  }
  Buffer& head = blank(a.turn);
  const auto keep = [&asked](std::size_t i) {
    return i < asked.codes.size() && asked.codes[i] == SubscribeWindow::kForwarded;
  };
  if (!mqtt::rewrite_subscribe(a.frame, request, keep, head)) {
    return malformed(a, {Check::remaining_length, ReasonCode::malformed_packet});
  }
  const Fate fate = forward_as(a, head.bytes(), Rewrite::subscribe);
  if (has_codes) subscribes_.add(request.packet_id, std::move(asked));
  return fate;
}

/// Counts the filters that go to the broker, and refuses those over the bound.
void Session::Impl::count_subscriptions(const Arrival& a, const mqtt::Subscribe& request,
                                        SubscribeWindow::Request& asked) {
  std::uint16_t kept = 0;  // the broker answers what is left, in order
  mqtt::FilterEntry entry;
  Bytes rest = request.payload;
  subscriptions_.begin(request.type, request.packet_id);
  for (std::uint8_t& code : asked.codes) {
    static_cast<void>(mqtt::next_filter(request.type, rest, entry));
    if (code != SubscribeWindow::kForwarded) continue;
    if (subscriptions_.subscribe(request.packet_id, kept, entry.filter)) {
      ++kept;
      continue;
    }
    report_refusal(a, Action::drop, ReasonCode::quota_exceeded, cause_of(Check::subscriptions),
                   entry.filter);
    code = for_suback(version_, ReasonCode::quota_exceeded);
    --asked.forwarded;
  }
}

Session::Impl::Fate Session::Impl::on_unsubscribe(const Arrival& a) {
  const auto decoded = mqtt::decode_subscribe(a.frame, version_, *bounds_);
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
  if (decoded->over) return refuse_beyond(a, *decoded);

  SubscribeWindow::Request asked = begin_request(*decoded);
  // A filter beyond the bounds was never subscribed to, and is no better for the broker here.
  if (!refuse_entries(a, *decoded, asked)) return Fate::consumed;
  // What is remembered of one that goes in part is bounded by the number of filters.
  if (asked.forwarded != decoded->count && version_ == Version::v5 &&
      (subscribes_.full() || decoded->count > bounds_->max_filters)) {
    report_refusal(a, Action::drop, ReasonCode::quota_exceeded, cause_of(Check::requests_in_flight),
                   {});
    return answer_request(a, *decoded, refused_whole(*decoded, ReasonCode::quota_exceeded));
  }
  subscriptions_.begin(decoded->type, decoded->packet_id);
  std::uint32_t kept = 0;
  mqtt::FilterEntry entry;
  Bytes rest = decoded->payload;
  for (const std::uint8_t code : asked.codes) {
    static_cast<void>(mqtt::next_filter(decoded->type, rest, entry));
    if (code != SubscribeWindow::kForwarded) continue;
    subscriptions_.unsubscribe(decoded->packet_id, kept++, entry.filter);
  }
  return forward_request(a, *decoded, std::move(asked));
}

/// A whole SUBSCRIBE or UNSUBSCRIBE whose properties are beyond a bound.
Session::Impl::Fate Session::Impl::refuse_beyond(const Arrival& a, const mqtt::Subscribe& request) {
  report_refusal(a, Action::drop, request.over->reason, cause_of(request.over->check), {});
  return answer_request(a, request, refused_whole(request, request.over->reason));
}

/// A whole SUBSCRIBE or UNSUBSCRIBE over a rate limit.
Session::Impl::Fate Session::Impl::refuse_request(const Arrival& a, const mqtt::Subscribe& request,
                                                  const Budget::Exceeded& over) {
  if (refuse_over(a, over)) return Fate::consumed;
  return answer_request(a, request, refused_whole(request, ReasonCode::quota_exceeded));
}

/// Answers a request of which nothing goes to the broker.
Session::Impl::Fate Session::Impl::answer_request(const Arrival& a, const mqtt::Subscribe& request,
                                                  const SubscribeWindow::Request& asked) {
  const PacketType answer =
      a.type() == PacketType::subscribe ? PacketType::suback : PacketType::unsuback;
  const SubscribeWindow::Codes codes = asked.answer({});
  reply(Side::client, a.turn,
        [&](Buffer& out) { mqtt::encode_suback(answer, version_, request.packet_id, codes, out); });
  return Fate::consumed;
}

}  // namespace sallyport
