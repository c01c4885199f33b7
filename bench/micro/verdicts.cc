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

/// The same, where the roles are the tenants'.
template <MatchBy kBy>
class TenantCase final : public Case {
 public:
  explicit TenantCase(std::uint64_t roles)
      : identity_(tenant_identity(kBy)), policy_(compile(tenants(roles, kBy))) {
    require(admit(policy_, identity_).check_publish({{"tenant-17/bench-1/t"}}).allowed,
            "the tenant's role is not the client's");
  }
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) keep(Policy::admit(policy_, identity_, mqtt::Version::v3_1_1));
  }

 private:
  const Identity identity_;
  const Policy::Ptr policy_;
};

/// One role with two globs that are as hard as globs can be, and a common name that nearly matches.
class HardGlobCase final : public Case {
 public:
  explicit HardGlobCase(std::uint64_t name_size) : identity_(bench_identity()) {
    Certificate certificate;
    certificate.common_name.assign(name_size, 'a');
    identity_.certificate = std::make_shared<const Certificate>(std::move(certificate));
    policy::PolicySpec spec = tenants(1, MatchBy::literal);
    std::string pattern = "*";
    while (pattern.size() < 250) pattern += "?a";
    std::string stars;
    while (stars.size() < 250) stars += "*a";
    spec.roles[0].match["cert_cn"] = {pattern + "b*", stars + "b*"};
    policy_ = compile(spec);
    require(!Policy::admit(policy_, identity_, mqtt::Version::v3_1_1), "a glob matches");
  }
  void run(std::uint64_t steps) override {
    for (; steps != 0; --steps) keep(Policy::admit(policy_, identity_, mqtt::Version::v3_1_1));
  }

 private:
  Identity identity_;
  Policy::Ptr policy_;
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
  cases.push_back({"connect/roles-20", "verdict on CONNECT, 20 roles for common names by prefix", 0,
                   20, make_case<TenantCase<MatchBy::prefix>>});
  cases.push_back({"connect/roles-10000-literal", "the same, 10000 roles for names in full", 0,
                   10'000, make_case<TenantCase<MatchBy::literal>>});
  cases.push_back({"connect/roles-10000-prefix", "the same, 10000 roles by prefix", 0, 10'000,
                   make_case<TenantCase<MatchBy::prefix>>});
  cases.push_back({"connect/roles-10000-suffix", "the same, 10000 roles by suffix", 0, 10'000,
                   make_case<TenantCase<MatchBy::suffix>>});
  cases.push_back({"connect/hard-glob", "the same, two hard globs against a name of 4 KiB", 0, 4096,
                   make_case<HardGlobCase>});
  return cases;
}

}  // namespace sallyport::bench
