// What limits say about a packet: it passes, waits, is refused, or is only reported.

#include "session/impl.h"

namespace sallyport {

using mqtt::ReasonCode;

Session::Impl::RateAnswer Session::Impl::admit_rate(const Arrival& a,
                                                    std::span<const std::uint32_t> limits,
                                                    Budget::Exceeded& over) {
  over = budget_.ask(payer(), *policy_, limits, a.size(), a.now);
  if (over.limit == nullptr || over.action == Action::report) return RateAnswer::yes;
  if (over.action == Action::throttle) {
    if (over.wait <= keep_alive_.longest_pause(bounds_->max_pause)) {
      from_[a.from].throttled_until = a.now + over.wait;
      ++throttled_;
      events_.on_throttle(who(), a.from, {over.limit->name, over.limit->is_rule}, over.wait);
      return RateAnswer::later;
    }
    // Waiting longer would starve the client's PINGREQ, so the packet is dropped instead.
    over.action = Action::drop;
  }
  return RateAnswer::over;
}

/// 0x96 ends a connection, 0x97 refuses one request.
ReasonCode Session::Impl::over_reason(Action action) {
  return action == Action::disconnect ? ReasonCode::message_rate_too_high
                                      : ReasonCode::quota_exceeded;
}

void Session::Impl::charge_role(const Arrival& a, const Budget::Exceeded& over) {
  budget_.charge(payer(), *policy_, grants_->role_limits(), a.size(), a.now);
  report_over(a, over, {});
}

void Session::Impl::report_over(const Arrival& a, const Budget::Exceeded& over,
                                std::string_view topic) {
  if (over.limit == nullptr || over.action != Action::report) return;
  report_refusal(a, Action::report, ReasonCode::quota_exceeded,
                 {over.limit->name, over.limit->is_rule}, topic);
}

bool Session::Impl::refuse_over(const Arrival& a, const Budget::Exceeded& over) {
  const bool ends = over.action == Action::disconnect;
  const ReasonCode reason = over_reason(over.action);
  report_refusal(a, over.action, reason, {over.limit->name, over.limit->is_rule}, {});
  if (!ends) return false;
  say_goodbye(reason, a.turn);
  close({Side::client, CloseKind::refused, over.limit->name}, a.turn);
  return true;
}

/// The broker will publish the Will for the client, so it is charged when CONNECT asks for that, as
/// the PUBLISH that it becomes. Nobody waits with a CONNECT: `throttle` refuses it, as `drop` does.
/// Returns whether it fits; if not, the client has been refused.
bool Session::Impl::charge_will(const Arrival& a, const mqtt::Will& will) {
  constexpr std::uint64_t kHeaders = 4;  // fixed header, and the length of the topic
  const std::uint64_t bytes = kHeaders + will.topic.size() + will.payload_size();
  const std::uint32_t limit =
      grants_->check_publish({will.topic, will.qos, will.retain, will.payload_size()}).limit;
  const std::span<const std::uint32_t> rule(&limit, limit == policy::kNoLimit ? 0 : 1);
  const std::span<const std::uint32_t> both[] = {grants_->role_limits(), rule};
  for (const auto& limits : both) {
    const Budget::Exceeded over = budget_.ask(payer(), *policy_, limits, bytes, a.now);
    if (over.limit != nullptr && over.action != Action::report) {
      static_cast<void>(refuse_connect(a, ReasonCode::quota_exceeded,
                                       {over.limit->name, over.limit->is_rule}, will.topic));
      return false;
    }
    report_over(a, over, will.topic);
  }
  for (const auto& limits : both) budget_.charge(payer(), *policy_, limits, bytes, a.now);
  return true;
}

}  // namespace sallyport
