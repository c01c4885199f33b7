#include <algorithm>

#include "sallyport/policy.h"

#include "policy/compiled.h"

namespace sallyport::policy {

namespace {

constexpr std::uint32_t kNone = UINT32_MAX;
constexpr std::size_t kLongestTopic = 65'535;  // a UTF-8 string on the wire, 1.5.4

/// The facts of a request that the conditions of an allow rule look at. The defaults meet every
/// condition.
struct Facts {
  std::uint8_t qos = 0;
  bool retain = false;
  std::uint32_t payload_size = 0;
};

/// Returns why an allow rule does not allow the request; success: it allows it.
mqtt::ReasonCode failure(const Rule& rule, const Facts& facts) {
  // qos_not_supported and retain_not_supported are for what CONNACK announced; a rule did not.
  if (facts.qos > rule.max_qos || (facts.retain && rule.no_retain)) {
    return mqtt::ReasonCode::not_authorized;
  }
  if (facts.payload_size > rule.max_payload) {
    return mqtt::ReasonCode::implementation_specific_error;
  }
  return mqtt::ReasonCode::success;
}

/// Keeps the first rule by id of those that are added.
struct First {
  std::uint32_t rule = kNone;
  void add(std::uint32_t other) { rule = std::min(rule, other); }
  explicit operator bool() const { return rule != kNone; }
};

/// Keeps the strictest rule of those that are added; of equally strict ones the first by id.
struct Strictest {
  std::uint32_t rule = kNone;
  Action action = Action::report;
  void add(std::uint32_t other, Action its) {
    const int more = strictness(its) - strictness(action);
    if (more > 0 || rule == kNone || (more == 0 && other < rule)) {
      rule = other;
      action = its;
    }
  }
  explicit operator bool() const { return rule != kNone; }
};

/// Is told every rule that covers the topic, in any order and some of them more than once, and
/// keeps what the verdict needs. The verdict does not depend on the order.
class Jury {
 public:
  Jury(const Tables& tables, std::size_t generation, const Facts& facts)
      : tables_(tables), generation_(generation), facts_(facts) {}

  void operator()(std::span<const std::uint32_t> rules) {
    for (const std::uint32_t number : rules) hear(number);
  }

  [[nodiscard]] Verdict decide(Action no_rule) const {
    Verdict verdict = judge(no_rule);
    verdict.payload_least = payload_least_;
    verdict.payload_most = payload_most_;
    return verdict;
  }

 private:
  [[nodiscard]] Verdict judge(Action no_rule) const {
    if (denied_) return refused(denied_.rule, denied_.action, mqtt::ReasonCode::not_authorized);
    for (const First& allows : allows_) {
      if (allows) return allowed(allows.rule, kNone);
    }
    // From here on nothing allows; a refusal that is only reported may still let it pass.
    for (const First& allows : allows_by_report_) {
      if (allows) return allowed(allows.rule, allows.rule);
    }
    if (failed_) {
      return refused(failed_.rule, failed_.action, failure(tables_.rules[failed_.rule], facts_));
    }
    Verdict verdict;
    verdict.cause = {to_string(Check::no_rule), false};
    verdict.action = no_rule;
    if (no_rule == Action::report) {
      verdict.allowed = true;
      verdict.reported = denied_by_report_ ? cause(denied_by_report_.rule) : verdict.cause;
    }
    return verdict;
  }

  void hear(std::uint32_t number) {
    const Rule& rule = tables_.rules[number];
    const Action action = rule.on_deny[generation_];
    if (rule.deny) {
      if (action == Action::report) {
        denied_by_report_.add(number);
      } else {
        denied_.add(number, action);
      }
      return;
    }
    if (facts_.payload_size <= rule.max_payload) {
      payload_most_ = std::min(payload_most_, rule.max_payload);
    } else {
      payload_least_ = std::max(payload_least_, rule.max_payload + 1);
    }
    if (failure(rule, facts_) == mqtt::ReasonCode::success) {
      allows_[rule.cost()].add(number);
    } else if (action == Action::report) {
      allows_by_report_[rule.cost()].add(number);
    } else {
      failed_.add(number, action);
    }
  }

  [[nodiscard]] Cause cause(std::uint32_t number) const {
    return {tables_.rule_names[number], true};
  }
  [[nodiscard]] Verdict refused(std::uint32_t number, Action action,
                                mqtt::ReasonCode reason) const {
    Verdict verdict;
    verdict.cause = cause(number);
    verdict.action = action;
    verdict.reason = reason;
    return verdict;
  }
  /// `failed`: the rule whose condition failed and was only reported, or kNone. A deny rule that
  /// was only reported says more, so it is the one that is named.
  [[nodiscard]] Verdict allowed(std::uint32_t number, std::uint32_t failed) const {
    Verdict verdict;
    verdict.allowed = true;
    verdict.cause = cause(number);
    const Rule& rule = tables_.rules[number];
    verdict.limit = rule.limit;
    if (rule.inspection != kNoLimit) {
      verdict.inspect = &tables_.inspections[rule.inspection];
      verdict.action = rule.on_deny[generation_];
    }
    if (denied_by_report_) {
      verdict.reported = cause(denied_by_report_.rule);
    } else if (failed != kNone) {
      verdict.reported = cause(failed);
      verdict.reported_reason = failure(tables_.rules[failed], facts_);
    }
    return verdict;
  }

  const Tables& tables_;
  std::size_t generation_;
  Facts facts_;
  Strictest denied_;
  First denied_by_report_;
  First allows_[Rule::kCosts];            // by Rule::cost()
  First allows_by_report_[Rule::kCosts];  // does not allow, but that is only reported
  Strictest failed_;                      // does not allow
  std::uint32_t payload_least_ = 0;
  std::uint32_t payload_most_ = UINT32_MAX;
};

Verdict decide(const Tables& tables, std::span<const std::uint32_t> roots, Substitutes values,
               mqtt::Version version, Action no_rule, std::string_view topic, const Facts& facts) {
  Jury jury(tables, generation(version), facts);
  if (topic.empty() || topic.size() > kLongestTopic) {
    // No topic of MQTT, and nothing that a rule can cover: refused, whatever is to be reported.
    return jury.decide(stricter(no_rule, Action::drop));
  }
  Path path(topic);
  for (const std::uint32_t root : roots) tables.trie.walk(root, path, values, jury);
  return jury.decide(no_rule);
}

/// Removes what holds for messages only: the limit that is charged, the range of payload sizes.
Verdict without_message(Verdict verdict) {
  verdict.limit = kNoLimit;
  verdict.inspect = nullptr;
  verdict.payload_least = 0;
  verdict.payload_most = UINT32_MAX;
  return verdict;
}

}  // namespace

Verdict Grants::check_publish(const PublishRequest& request) const {
  return decide(*policy_->compiled_, numbers(List::publish), values_, version_, no_rule_,
                request.topic, {request.qos, request.retain, request.payload_size});
}

Verdict Grants::check_response_topic(std::string_view topic) const {
  // Somebody else will publish there: that does not use up what this client may send.
  return without_message(
      decide(*policy_->compiled_, numbers(List::publish), values_, version_, no_rule_, topic, {}));
}

Verdict Grants::check_subscribe(std::string_view filter, std::uint8_t qos) const {
  return without_message(decide(*policy_->compiled_, numbers(List::subscribe), values_, version_,
                                no_rule_, filter, {qos, false, 0}));
}

Verdict Grants::check_delivery(const PublishRequest& request) const {
  return decide(*policy_->compiled_, numbers(List::subscribe), values_, version_, no_rule_,
                request.topic, {request.qos, request.retain, request.payload_size});
}

Bounds Grants::bounds(const Bounds& listener) const {
  Bounds result = listener;
  const Tables& tables = *policy_->compiled_;
  for (const std::uint32_t role : numbers(List::roles)) {
    const std::uint32_t bounds = tables.roles[role].bounds;
    if (bounds != kNoLimit) result = strictest(result, tables.bounds[bounds]);
  }
  return result;
}

}  // namespace sallyport::policy
