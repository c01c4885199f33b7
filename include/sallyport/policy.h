#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/bounds.h"
#include "sallyport/identity.h"
#include "sallyport/mqtt.h"
#include "sallyport/origin.h"
#include "sallyport/rate.h"

/// Policy in two forms: a PolicySpec is what an operator wrote, as plain values; a Policy is what
/// sessions ask, compiled and immutable.
namespace sallyport::policy {

using sallyport::Origin;

/// Globs with `*` and `?`. Of each list one entry must match; an empty list asks nothing. All
/// lists must hold.
struct MatchSpec {
  std::vector<std::string> listener;
  std::vector<std::string> cert_cn;
  std::vector<std::string> cert_san_dns;
  std::vector<std::string> cert_san_uri;
  std::vector<std::string> username;
  std::vector<std::string> client_id;
  std::vector<std::string> address;  // CIDR, or one address; IPv4 or IPv6
};

/// What is done about a refusal: drop, disconnect or report, by protocol generation.
struct OnDeny {
  Action v3 = Action::drop;
  Action v5 = Action::drop;
};

struct RateSpec {
  std::optional<Rate> messages;
  std::optional<std::uint64_t> burst;  // default: what `messages` allows in one second, at least 1
  std::optional<Rate> bytes;           // byte burst: one second's worth
  Action on_exceed = Action::throttle;
  Origin origin;
};

struct RuleSpec {
  std::string id;
  bool deny = false;
  std::vector<std::string> publish;  // topic filters, with placeholders
  std::vector<std::string> subscribe;
  std::optional<std::uint8_t> max_qos;
  std::optional<bool> retain;
  std::optional<std::uint32_t> max_payload;
  std::optional<RateSpec> limit;
  std::optional<OnDeny> on_deny;  // default: the role's
  Origin origin;
};

struct RoleSpec {
  std::string name;
  MatchSpec match;
  std::optional<std::string> client_id;  // the only client identifier allowed; placeholders
  std::optional<RateSpec> limits;
  std::optional<Bounds> bounds;  // lower the listener's; what is not said: unbounded()'s
  OnDeny on_deny;
  std::vector<RuleSpec> rules;
  Origin origin;
};

struct PolicySpec {
  std::vector<RoleSpec> roles;
};

/// One thing wrong with a PolicySpec.
struct PolicyError {
  Origin origin;
  std::string message;  // what is wrong, with the value
  std::string hint;     // what would be right; may be empty
};

/// What is asked of a PUBLISH, in either direction.
struct PublishRequest {
  std::string_view topic;
  std::uint8_t qos = 0;
  bool retain = false;
  std::uint32_t payload_size = 0;
};

/// Whose name stands for a decision. Lives as long as the Policy it came from (checks: for ever).
struct Cause {
  std::string_view name;  // rule id or check name
  bool is_rule = false;
};

inline constexpr std::uint32_t kNoLimit = UINT32_MAX;

struct Verdict {
  bool allowed = false;
  Cause cause;                   // the rule that allowed or refused, or the check
  Action action = Action::drop;  // what to do where refused: drop or disconnect
  mqtt::ReasonCode reason = mqtt::ReasonCode::not_authorized;  // where refused
  std::uint32_t limit = kNoLimit;  // where allowed: the rule's limit, Policy::limit()
  /// Where allowed: a refusal that was only reported (its action is `report`); empty name: none.
  Cause reported;
  mqtt::ReasonCode reported_reason = mqtt::ReasonCode::not_authorized;
  /// The answer is the same for every payload from `least` to `most` bytes, all else being equal.
  std::uint32_t payload_least = 0;
  std::uint32_t payload_most = UINT32_MAX;
};

class Policy;

/// One identity under one policy: the roles it has. Refers to the Identity it was made from, which
/// must outlive it and not move; a changed identity or policy needs a new Grants.
class Grants final {
 public:
  /// PUBLISH from the client; also the Will. Reasons: not_authorized (rule or none), quota and
  /// size as in the table "Refusals on the wire" (payload_too_large is 0x83 there).
  [[nodiscard]] Verdict check_publish(const PublishRequest& request) const;
  /// A topic that somebody else will publish to for this client (Response Topic): the topic must
  /// be covered by a publish rule, conditions do not apply.
  [[nodiscard]] Verdict check_response_topic(std::string_view topic) const;
  /// One filter of a SUBSCRIBE, without `$share/name/`. An allow rule must contain it; a deny rule
  /// that contains it refuses it, one that only overlaps it leaves the answer to check_delivery().
  [[nodiscard]] Verdict check_subscribe(std::string_view filter, std::uint8_t qos) const;
  /// PUBLISH from the broker, as a read.
  [[nodiscard]] Verdict check_delivery(const PublishRequest& request) const;

  /// Limits that count everything the client sends, as indexes for Policy::limit(): one for each
  /// role of this identity that has any. All of them apply, so the strictest counts.
  [[nodiscard]] std::span<const std::uint32_t> role_limits() const { return role_limits_; }
  /// The listener's bounds, lowered to what the roles say.
  [[nodiscard]] Bounds bounds(const Bounds& listener) const;
  [[nodiscard]] const std::shared_ptr<const Policy>& policy() const { return policy_; }

 private:
  friend class Policy;
  std::shared_ptr<const Policy> policy_;
  const Identity* identity_ = nullptr;
  mqtt::Version version_ = mqtt::Version::v3_1_1;
  std::uint8_t usable_ = 0;        // which of the identity's values placeholders may take
  Action no_rule_ = Action::drop;  // where no rule covers a topic
  std::vector<std::uint32_t> roles_;
  std::vector<std::uint32_t> publish_;  // where the rules of those roles begin
  std::vector<std::uint32_t> subscribe_;
  std::vector<std::uint32_t> role_limits_;
};

/// Immutable after compile(); shared by all workers without a lock.
class Policy final {
 public:
  using Ptr = std::shared_ptr<const Policy>;

  /// All errors at once. Checked here, not only in TOML: rule ids and role names unique, filters
  /// well-formed, placeholders known, actions that make sense.
  [[nodiscard]] static std::expected<Ptr, std::vector<PolicyError>> compile(const PolicySpec& spec);
  ~Policy();

  /// The verdict on CONNECT. Refused: no role matches {no_role, not_authorized}, or a client
  /// identifier is not the one bound {client_id_binding, client_identifier_not_valid}.
  /// `identity` must outlive the Grants.
  [[nodiscard]] static std::expected<Grants, Verdict> admit(const Ptr& policy,
                                                            const Identity& identity,
                                                            mqtt::Version version);

  [[nodiscard]] const RateLimit& limit(std::uint32_t index) const;
  [[nodiscard]] std::size_t role_count() const;
  [[nodiscard]] std::size_t rule_count() const;
  /// Every name that a Cause with is_rule may have; for metric labels.
  [[nodiscard]] std::span<const std::string> rule_names() const;

 private:
  friend class Grants;
  struct Compiled;  // src/policy/compiled.h
  explicit Policy(std::unique_ptr<const Compiled> compiled);
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace sallyport::policy
