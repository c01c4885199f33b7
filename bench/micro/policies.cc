#include "bench/micro/policies.h"

#include <stdexcept>
#include <string>

namespace sallyport::bench {

using policy::PolicySpec;
using policy::RateSpec;
using policy::RoleSpec;
using policy::RuleSpec;

namespace {

RuleSpec rule(std::string id, std::vector<policy::Text> publish,
              std::vector<policy::Text> subscribe, bool deny = false) {
  RuleSpec rule;
  rule.id = std::move(id);
  rule.deny = deny;
  rule.publish = std::move(publish);
  rule.subscribe = std::move(subscribe);
  return rule;
}

RateSpec wide(std::uint64_t count) {
  RateSpec limit;
  limit.messages = Rate{count, std::chrono::seconds(1)};
  limit.burst = count;
  return limit;
}

/// Ten rules as a fleet of devices has them. `root` is the first level of its topics.
RoleSpec fleet(const std::string& name, const std::string& root) {
  RoleSpec role;
  role.name = name;
  role.limits = wide(1'000'000);
  const std::string own = root + "/${client_id}/";
  role.rules.push_back(rule(name + "-telemetry", {own + "telemetry/#"}, {}));
  role.rules.back().max_qos = 1;
  role.rules.back().retain = false;
  role.rules.back().max_payload = 64 * 1024;
  role.rules.back().limit = wide(1'000'000);
  role.rules.push_back(rule(name + "-status", {own + "status"}, {}));
  role.rules.push_back(rule(name + "-events", {own + "events/+", own + "alarms/+"}, {}));
  role.rules.push_back(rule(name + "-logs", {own + "log/#"}, {}));
  role.rules.back().max_qos = 0;
  role.rules.push_back(rule(name + "-commands", {}, {own + "cmd/+"}));
  role.rules.push_back(rule(name + "-config", {}, {own + "config/#", root + "/all/config/#"}));
  role.rules.push_back(rule(name + "-all", {}, {root + "/all/cmd/+"}));
  role.rules.push_back(rule(name + "-shared", {root + "/shared/#"}, {root + "/shared/#"}));
  role.rules.push_back(rule(name + "-no-firmware", {root + "/+/config/firmware/#"}, {}, true));
  role.rules.push_back(
      rule(name + "-no-secrets", {root + "/+/secret/#"}, {root + "/+/secret/#"}, true));
  return role;
}

}  // namespace

PolicySpec one_role(std::uint64_t rules) {
  RoleSpec role;
  role.name = "everybody";
  for (std::uint64_t i = 0; i < rules; ++i) {
    const std::string id = "rule-" + std::to_string(i);
    const std::string line = "plant/line-" + std::to_string(i);
    if (i % 10 == 9) {
      role.rules.push_back(rule(id, {line + "/#"}, {line + "/#"}, true));
    } else {
      role.rules.push_back(
          rule(id, {line + "/${client_id}/telemetry/#"}, {line + "/+/telemetry/#"}));
    }
  }
  PolicySpec spec;
  spec.roles.push_back(std::move(role));
  return spec;
}

PolicySpec site(std::uint64_t roles) {
  PolicySpec spec;
  for (std::uint64_t i = 0; i < roles; ++i) {
    const std::string number = std::to_string(i);
    if (i == 0) {
      spec.roles.push_back(fleet("everybody", "site"));
    } else if (i == 1) {
      spec.roles.push_back(fleet("bench", "plant"));
      spec.roles.back().match["client_id"] = {"bench-*"};
    } else {
      spec.roles.push_back(fleet("fleet-" + number, "fleet-" + number));
      spec.roles.back().match["client_id"] = {"fleet-" + number + "-*"};
    }
  }
  return spec;
}

namespace {

/// The tenant's name, with something in front of it or behind it.
std::string of_tenant(const std::string& tenant, MatchBy by, const std::string& rest) {
  switch (by) {
    case MatchBy::prefix:
      return tenant + "-" + rest;
    case MatchBy::suffix:
      return rest + "-" + tenant;
    default:
      return tenant;
  }
}

}  // namespace

PolicySpec tenants(std::uint64_t roles, MatchBy by) {
  PolicySpec spec;
  for (std::uint64_t i = 0; i < roles; ++i) {
    const std::string name = "tenant-" + std::to_string(i);
    RoleSpec role;
    role.name = name;
    role.match["cert_cn"] = {of_tenant(name, by, "*")};
    role.rules.push_back(rule(name + "-all", {name + "/${client_id}/#"}, {}));
    spec.roles.push_back(std::move(role));
  }
  return spec;
}

Identity tenant_identity(MatchBy by) {
  Certificate certificate;
  certificate.common_name = of_tenant("tenant-17", by, "pump");
  Identity identity = bench_identity();
  identity.certificate = std::make_shared<const Certificate>(std::move(certificate));
  return identity;
}

policy::Policy::Ptr compile(const PolicySpec& spec) {
  auto policy = policy::Policy::compile(spec);
  if (!policy) throw std::logic_error("policy: " + policy.error().front().message);
  return std::move(*policy);
}

Identity bench_identity() {
  Certificate certificate;
  certificate.common_name = "bench-1";
  certificate.serial = "0123456789abcdef";
  certificate.san_dns = {"bench-1.example"};
  Identity identity;
  identity.listener = "devices";
  identity.address = "192.0.2.1";
  identity.certificate = std::make_shared<const Certificate>(std::move(certificate));
  identity.client_id = "bench-1";
  return identity;
}

}  // namespace sallyport::bench
