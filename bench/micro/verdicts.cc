// Policy: what one verdict costs, and how that grows with the number of rules.

#include <array>

#include "bench/micro/case.h"
#include "bench/micro/policies.h"

namespace sallyport::bench {

namespace {

using policy::Grants;
using policy::Policy;
using policy::Verdict;

Grants admit(const Policy::Ptr& policy, const Identity& identity) {
  auto grants = Policy::admit(policy, identity, mqtt::Version::v3_1_1);
  require(grants.has_value(), "the client is not admitted");
  return std::move(*grants);
}

enum class Question { publish, subscribe, delivery };

/// Asks about topics that are spread over all rules. Nine in ten are allowed, one is denied.
template <Question kQuestion>
class VerdictCase final : public Case {
 public:
  explicit VerdictCase(std::uint64_t rules)
      : identity_(bench_identity()), grants_(admit(compile(one_role(rules)), identity_)) {
    for (std::size_t i = 0; i < topics_.size(); ++i) {
      // 7919 is prime, so the lines differ for as long as there are enough of them.
      const std::uint64_t line = i * 7919 % rules;
      topics_[i] = "plant/line-" + std::to_string(line) + "/bench-1/telemetry/temperature";
      require(ask(i).allowed == (line % 10 != 9), "a verdict is not as expected");
    }
  }
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) keep(ask(steps % kTopics));
  }

 private:
  static constexpr std::size_t kTopics = 64;

  [[nodiscard]] Verdict ask(std::size_t i) const {
    switch (kQuestion) {
      case Question::publish:
        return grants_.check_publish({topics_[i], 0, false, 64});
      case Question::subscribe:
        return grants_.check_subscribe(topics_[i], 1);
      default:
        return grants_.check_delivery({topics_[i], 0, false, 64});
    }
  }

  const Identity identity_;  // grants_ refers to it
  const Grants grants_;
  std::array<std::string, kTopics> topics_;
};

/// A device's own topic under a site's policy; two of its roles are the client's.
template <Question kQuestion>
class SiteCase final : public Case {
 public:
  explicit SiteCase(std::uint64_t roles)
      : identity_(bench_identity()), grants_(admit(compile(site(roles)), identity_)) {
    require(ask().allowed, "the topic is refused");
  }
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) keep(ask());
  }

 private:
  [[nodiscard]] Verdict ask() const {
    switch (kQuestion) {
      case Question::publish:
        return grants_.check_publish({publish_, 0, false, 64});
      case Question::subscribe:
        return grants_.check_subscribe(subscribe_, 1);
      default:
        return grants_.check_delivery({subscribe_, 0, false, 64});
    }
  }

  const Identity identity_;
  const Grants grants_;
  const std::string publish_ = "plant/bench-1/telemetry/temperature";
  const std::string subscribe_ = "plant/bench-1/cmd/restart";
};

/// The verdict on CONNECT: which roles an identity has.
class AdmitCase final : public Case {
 public:
  explicit AdmitCase(std::uint64_t roles)
      : identity_(bench_identity()), policy_(compile(site(roles))) {
    (void)admit(policy_, identity_);
  }
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) keep(Policy::admit(policy_, identity_, mqtt::Version::v3_1_1));
  }

 private:
  const Identity identity_;
  const Policy::Ptr policy_;
};

}  // namespace

std::vector<CaseSpec> verdict_cases() {
  std::vector<CaseSpec> cases;
  for (const std::uint64_t rules : {10U, 1000U, 100'000U}) {
    const std::string of = " with " + std::to_string(rules) + " rules in the client's one role";
    const std::string number = std::to_string(rules);
    cases.push_back({"verdict/publish-" + number, "verdict on a PUBLISH" + of, 0, rules,
                     make_case<VerdictCase<Question::publish>>});
    cases.push_back({"verdict/subscribe-" + number, "verdict on a filter of SUBSCRIBE" + of, 0,
                     rules, make_case<VerdictCase<Question::subscribe>>});
    cases.push_back({"verdict/delivery-" + number, "verdict on a delivery" + of, 0, rules,
                     make_case<VerdictCase<Question::delivery>>});
  }
  cases.push_back({"verdict/publish-site",
                   "verdict on a PUBLISH, 50 roles of 10 rules, two of them the client's", 0, 50,
                   make_case<SiteCase<Question::publish>>});
  cases.push_back({"verdict/subscribe-site", "verdict on a filter, the same policy", 0, 50,
                   make_case<SiteCase<Question::subscribe>>});
  cases.push_back({"verdict/delivery-site", "verdict on a delivery, the same policy", 0, 50,
                   make_case<SiteCase<Question::delivery>>});
  cases.push_back(
      {"verdict/admit-site", "verdict on CONNECT, the same policy", 0, 50, make_case<AdmitCase>});
  return cases;
}

}  // namespace sallyport::bench
