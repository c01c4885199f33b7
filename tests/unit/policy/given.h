#pragma once

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "sallyport/policy.h"

#include "policies.h"

/// What the tests of policies share: short ways to write a spec, and a client to ask about.
namespace sallyport::policy {

using test::allow;
using test::deny;
using test::Filters;
using test::role;

inline constexpr std::string_view kNoRule = "refused by policy.no-rule: drop 0x87";

/// The same throws for the same seed.
class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <typename T, std::size_t N>
  const T& pick(const T (&from)[N]) {
    return from[below(N)];
  }
  std::string text(std::string_view letters, std::size_t most) {
    std::string text;
    for (std::size_t i = below(most + 1); i > 0; --i) text += letters[below(letters.size())];
    return text;
  }

 private:
  std::mt19937 random_;
};

inline RateSpec messages(std::uint64_t count) {
  RateSpec spec;
  spec.messages = Rate{count, std::chrono::seconds(1)};
  return spec;
}
inline OnDeny both(Action action) { return {action, action}; }

[[nodiscard]] inline Policy::Ptr compiled(std::vector<RoleSpec> roles) {
  return test::compiled(PolicySpec{std::move(roles)});
}

/// A device with every kind of value that a policy can look at.
inline Identity device() {
  Identity identity;
  identity.listener = "devices";
  identity.address = "192.0.2.7";
  identity.username = "ursula";
  identity.client_id = "pump-7";
  auto certificate = std::make_shared<Certificate>();
  certificate->common_name = "sensor-7";
  certificate->serial = "0a1b";
  certificate->fingerprint = "9f86d081";
  certificate->san_dns = {"a.example", "b.example"};
  certificate->san_uri = {"urn:dev:7", "spiffe://plant/7"};
  certificate->spiffe_domain = "plant";
  certificate->spiffe_name = "7";
  identity.certificate = std::move(certificate);
  return identity;
}

/// An identity and its grants, kept together because grants refer to the identity.
class Client {
 public:
  explicit Client(const Policy::Ptr& policy, Identity identity = device(),
                  mqtt::Version version = mqtt::Version::v5)
      : identity_(std::make_unique<const Identity>(std::move(identity))) {
    auto admitted = Policy::admit(policy, *identity_, version);
    REQUIRE(admitted.has_value());
    grants_ = std::move(*admitted);
  }
  explicit Client(std::vector<RoleSpec> roles, mqtt::Version version = mqtt::Version::v5)
      : Client(compiled(std::move(roles)), device(), version) {}

  [[nodiscard]] const Grants* operator->() const { return &grants_; }

  [[nodiscard]] Verdict publishes(std::string_view topic) const {
    return grants_.check_publish({topic, 0, false, 0});
  }
  [[nodiscard]] Verdict gets(std::string_view topic) const {
    return grants_.check_delivery({topic, 0, false, 0});
  }
  [[nodiscard]] Verdict subscribes(std::string_view filter, std::uint8_t qos = 0) const {
    return grants_.check_subscribe(filter, qos);
  }

 private:
  std::unique_ptr<const Identity> identity_;
  Grants grants_;
};

/// "allowed by telemetry", "refused by policy.no-rule: drop 0x87", with "reported" where it is.
inline std::string words(const Verdict& verdict) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto hex = [](mqtt::ReasonCode code) {
    const auto value = static_cast<unsigned>(code);
    return std::string("0x") + kHex[value >> 4] + kHex[value & 0x0F];
  };
  std::string text = verdict.allowed ? "allowed by " : "refused by ";
  text += verdict.cause.name;
  if (!verdict.allowed) {
    text.append(": ").append(to_string(verdict.action)).append(" ").append(hex(verdict.reason));
  }
  if (!verdict.reported.name.empty()) {
    text.append(", reported ").append(verdict.reported.name);
    text.append(" ").append(hex(verdict.reported_reason));
  }
  return text;
}

}  // namespace sallyport::policy
