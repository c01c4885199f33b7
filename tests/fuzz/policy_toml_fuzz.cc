// Policy files: any text is accepted or explained, and what is accepted can be asked.

#include "check.h"
#include "config/policy_file.h"
#include "input.h"
#include "toml.h"

using namespace sallyport;
using namespace sallyport::fuzz;

namespace {

void read_policy(const config::Node& root, config::Diagnostics& diagnostics) {
  policy::PolicySpec spec;
  config::read_policy_file(root, config::Problems(kFile, diagnostics), spec);
}

/// Whatever the policy says, it says it of everybody, in both versions, in one way.
void ask(const policy::Policy::Ptr& policy) {
  const auto certificate = std::make_shared<Certificate>(
      Certificate{"sensor-1", "0a", {"a.example"}, {"spiffe://a/b"}, "00"});
  const Identity identities[] = {
      {"devices", "127.0.0.1", {}, {}, "c1"},
      {"devices", "::1", certificate, "u", "sensor-1"},
      {"plain", "10.0.0.1", certificate, "a/b", ""},
  };
  for (const Identity& identity : identities) {
    const auto grants = policy::Policy::admit(policy, identity, mqtt::Version::v5);
    if (!grants) {
      must(!grants.error().allowed && !grants.error().cause.name.empty(), "a refusal has a name");
      continue;
    }
    for (const std::string_view topic : {"a", "plant/sensor-1/telemetry/x", "$SYS/a", "/"}) {
      const auto verdict = grants->check_publish({topic, 1, false, 5});
      must(!verdict.cause.name.empty(), "a verdict has a name");
      must(verdict.allowed == grants->check_publish({topic, 1, false, 5}).allowed,
           "a verdict is the same twice");
      must(
          verdict.allowed || verdict.action == Action::drop || verdict.action == Action::disconnect,
          "a refusal drops or disconnects");
      if (verdict.limit != policy::kNoLimit) {
        const RateLimit& limit = policy->limit(verdict.limit);
        must(limit.messages || limit.bytes, "a limit limits something");
      }
      must(!grants->check_delivery({topic, 0, false, 0}).cause.name.empty(), "so has a delivery");
    }
    for (const std::string_view filter : {"a", "#", "plant/+/cmd/#", "$SYS/#"}) {
      must(!grants->check_subscribe(filter, 0).cause.name.empty(), "and a subscription");
    }
    const Bounds bounds = grants->bounds({});
    must(bounds.max_packet <= Bounds{}.max_packet, "a role never raises a limit");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  if (!check_text(text, read_policy)) return 0;

  const auto source = config::make_source(kFile, std::string(text));
  const auto root = config::parse(*source);
  config::Diagnostics diagnostics;
  policy::PolicySpec spec;
  config::read_policy_file(*root, config::Problems(kFile, diagnostics), spec);
  const auto compiled = policy::Policy::compile(spec);
  if (!compiled) {
    must(!compiled.error().empty(), "what does not compile has an error");
    for (const policy::PolicyError& error : compiled.error()) {
      diagnostics.push_back({error.origin, error.message, error.hint});
    }
    check_diagnostics(diagnostics, text);
    return 0;
  }
  must((*compiled)->role_count() == spec.roles.size(), "every role is compiled");
  std::size_t rules = 0;
  for (const policy::RoleSpec& role : spec.roles) rules += role.rules.size();
  must((*compiled)->rule_count() == rules, "every rule is compiled");
  ask(*compiled);
  return 0;
}
