#pragma once

#include <array>
#include <compare>
#include <concepts>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "sallyport/attributes.h"
#include "sallyport/bounds.h"
#include "sallyport/identity.h"
#include "sallyport/inspector.h"
#include "sallyport/mqtt.h"
#include "sallyport/origin.h"
#include "sallyport/rate.h"

/// Policy in two forms: a PolicySpec is what an operator wrote, as plain values; a Policy is what
/// sessions ask, compiled and immutable.
namespace sallyport::policy {

using sallyport::Origin;

/// Where in a file something was written; line and column count from 1. Line 0: unknown.
struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// A value and where it was written, in the file of the role or rule that it belongs to. The place
/// is for error messages only: comparisons look at the value alone.
template <typename T>
struct Placed {
  T value{};
  Place at;

  Placed() = default;
  Placed(T what, Place where) : value(std::move(what)), at(where) {}
  /// A value that was written nowhere. Implicit, so that specs can be written by hand.
  template <typename U>
  requires(!std::same_as<std::remove_cvref_t<U>, Placed> && std::constructible_from<T, U>)
      Placed(U&& what)  // NOLINT(google-explicit-constructor)
      : value(static_cast<T>(std::forward<U>(what))) {}

  friend bool operator==(const Placed& a, const Placed& b) { return a.value == b.value; }
  friend auto operator<=>(const Placed& a, const Placed& b) { return a.value <=> b.value; }
};
using Text = Placed<std::string>;

/// What a role asks of an identity, attribute by attribute: globs with `*` and `?`, or networks
/// (CIDR, or one address). Of each list one entry must match; an empty list asks nothing. All lists
/// must hold.
struct MatchSpec {
  std::array<std::vector<Text>, kAttributes.size()> asked;

  [[nodiscard]] std::vector<Text>& operator[](AttributeKey key) { return asked[key.number()]; }
  [[nodiscard]] const std::vector<Text>& operator[](AttributeKey key) const {
    return asked[key.number()];
  }
  friend auto operator<=>(const MatchSpec&, const MatchSpec&) = default;
};

/// What is done about a refusal: drop, disconnect or report, by protocol generation.
struct OnDeny {
  Action v3 = Action::drop;
  Action v5 = Action::drop;
};

struct RateSpec {
  std::optional<Rate> messages;
  std::optional<Placed<std::uint64_t>> burst;  // default: one second's worth of `messages`, >= 1
  std::optional<Rate> bytes;                   // its burst is one second's worth
  Action on_exceed = Action::throttle;
  Origin origin;
  bool incomplete = false;  // as in RoleSpec, of any of the above
};

struct RuleSpec {
  Text id;
  bool deny = false;
  std::vector<Text> publish;  // topic filters, with placeholders
  std::vector<Text> subscribe;
  std::optional<std::uint8_t> max_qos;
  std::optional<bool> retain;
  std::optional<std::uint32_t> max_payload;
  std::optional<RateSpec> limit;
  Inspection inspection;          // allow rules only
  std::optional<OnDeny> on_deny;  // default: the role's
  Origin origin;
  bool incomplete = false;  // as in RoleSpec, of id, publish or subscribe
};

struct RoleSpec {
  Text name;
  MatchSpec match;
  std::optional<Text> client_id;  // the only client identifier allowed; placeholders
  std::optional<RateSpec> limits;
  std::optional<Bounds> bounds;  // lower the listener's; what is not said: unbounded()'s
  OnDeny on_deny;
  std::vector<RuleSpec> rules;
  Origin origin;
  /// Its name was written and could not be read, which has been reported. compile() then does not
  /// report it as missing, and never gives a policy.
  bool incomplete = false;
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

/// What a verdict on a PUBLISH depends on, beside the size of its payload. Whoever compares two of
/// these compares every fact, also one that is added later.
struct Message {
  std::string_view topic;
  std::uint8_t qos = 0;
  bool retain = false;

  friend bool operator==(const Message&, const Message&) = default;
};

/// What is asked of a PUBLISH, in either direction.
struct PublishRequest : Message {
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
  Action action = Action::drop;  // what to do where refused: drop or disconnect; see `inspect`
  mqtt::ReasonCode reason = mqtt::ReasonCode::not_authorized;  // where refused
  std::uint32_t limit = kNoLimit;  // where allowed: the rule's limit, Policy::limit()
  /// Where allowed: null, or the payload has to be shown to this inspector, which may refuse it
  /// after all; `action` then says what to do, which may be `report`. Lives as long as the Policy.
  const Inspection* inspect = nullptr;
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

  /// Limits that count everything the client sends, as indexes for Policy::limit(), ascending: one
  /// for each role of this identity that has any. All of them apply, so the strictest counts.
  [[nodiscard]] std::span<const std::uint32_t> role_limits() const { return numbers(List::limits); }
  /// The listener's bounds, lowered to what the roles say.
  [[nodiscard]] Bounds bounds(const Bounds& listener) const;
  [[nodiscard]] const std::shared_ptr<const Policy>& policy() const { return policy_; }
  /// The names of the roles of this identity, in the policy's order and with '+' between them.
  /// `several` is where they are put if there is more than one; the result refers to it, or to the
  /// policy.
  [[nodiscard]] std::string_view role_names(std::string& several) const;

 private:
  friend class Policy;
  /// Lists of numbers that lie one behind the other in numbers_.
  enum class List : std::uint8_t { roles, publish, subscribe, limits };
  static constexpr std::size_t kLists = 4;
  [[nodiscard]] std::span<const std::uint32_t> numbers(List list) const {
    const auto which = static_cast<std::size_t>(list);
    const std::uint32_t begin = which == 0 ? 0 : ends_[which - 1];
    return std::span(numbers_).subspan(begin, ends_[which] - begin);
  }

  std::shared_ptr<const Policy> policy_;
  /// What placeholders stand for, by AttributeNumber, as far as a rule of these roles asks for one.
  std::vector<Values> values_;
  std::vector<std::uint32_t> numbers_;  // publish, subscribe: where the roles' rules begin
  std::array<std::uint32_t, kLists> ends_{};
  mqtt::Version version_ = mqtt::Version::v3_1_1;
  Action no_rule_ = Action::drop;  // where no rule covers a topic
};

/// Immutable after compile(); shared by all workers without a lock.
class Policy final {
 public:
  using Ptr = std::shared_ptr<const Policy>;

  /// All errors at once, each at the place where the value stands, else at its rule or role.
  /// Checked here and nowhere else: names, entries of `match`, client_id, filters, limits, actions
  /// that make sense. A spec with something `incomplete` in it never gives a policy; where nothing
  /// else is wrong with it, the list of errors is empty.
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
