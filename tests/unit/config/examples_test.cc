// The shipped policies load, and decide as their comments say; the reference's examples load.

#include <cctype>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "config/gateway_file.h"
#include "files.h"

namespace sallyport::config {
namespace {

using policy::Policy;

std::string shipped(const std::string& name) { return SALLYPORT_SOURCE "/policies/" + name; }

Policy::Ptr load(const std::string& name, const std::vector<std::string>& listeners) {
  GatewayOptions options;
  options.file = "gateway.toml";
  options.policy_files = {shipped(name)};
  for (const std::string& listener : listeners) options.listeners.emplace_back().name = listener;
  auto policy = load_policy(options);
  if (!policy) FAIL(test::all(policy.error()));
  return *policy;
}

struct Who {
  std::string listener;
  std::string cn = {};
  std::string client_id = {};
  std::string dns = {};
  std::string username = {};
  std::string address = "192.0.2.1";
};

/// One client, and the questions that a session would ask about it.
class Client {
 public:
  Client(const Policy::Ptr& policy, const Who& who, mqtt::Version version = mqtt::Version::v5) {
    identity_.listener = who.listener;
    identity_.address = who.address;
    identity_.client_id = who.client_id.empty() ? who.cn : who.client_id;
    if (!who.username.empty()) identity_.username = who.username;
    if (!who.cn.empty()) {
      auto certificate = std::make_shared<Certificate>();
      certificate->common_name = who.cn;
      if (!who.dns.empty()) certificate->san_dns.push_back(who.dns);
      identity_.certificate = std::move(certificate);
    }
    auto grants = Policy::admit(policy, identity_, version);
    if (grants) {
      grants_ = std::move(*grants);
    } else {
      refused_ = grants.error();
    }
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Empty: admitted; else the name of the refusal.
  [[nodiscard]] std::string refused() const {
    return refused_ ? std::string(refused_->cause.name) : "";
  }
  /// "yes rule" or "no rule", with the action where it is not drop.
  [[nodiscard]] std::string publish(std::string_view topic, std::uint8_t qos = 0,
                                    bool retain = false, std::uint32_t payload = 10) const {
    return show(grants_->check_publish({topic, qos, retain, payload}));
  }
  [[nodiscard]] std::string response(std::string_view topic) const {
    return show(grants_->check_response_topic(topic));
  }
  [[nodiscard]] std::string subscribe(std::string_view filter, std::uint8_t qos = 0) const {
    return show(grants_->check_subscribe(filter, qos));
  }
  [[nodiscard]] std::string deliver(std::string_view topic) const {
    return show(grants_->check_delivery({topic, 0, false, 10}));
  }
  [[nodiscard]] const policy::Grants& grants() const { return *grants_; }

 private:
  static std::string show(const policy::Verdict& verdict) {
    std::string text = (verdict.allowed ? "yes " : "no ") + std::string(verdict.cause.name);
    if (!verdict.allowed && verdict.action != Action::drop) {
      text += " " + std::string(to_string(verdict.action));
    }
    return text;
  }

  Identity identity_;
  std::optional<policy::Grants> grants_;
  std::optional<policy::Verdict> refused_;
};

TEST_CASE("sensor-fleet.toml") {
  const auto policy = load("sensor-fleet.toml", {"devices"});
  const Client sensor(policy, {.listener = "devices", .cn = "sensor-17"});
  REQUIRE(sensor.refused() == "");
  CHECK(sensor.publish("plant/sensor-17/telemetry/temp", 1) == "yes sensor-telemetry");
  CHECK(sensor.publish("plant/sensor-17/telemetry/temp", 2) == "no sensor-telemetry");
  CHECK(sensor.publish("plant/sensor-17/telemetry/temp", 0, true) == "no sensor-telemetry");
  CHECK(sensor.publish("plant/sensor-17/telemetry/temp", 0, false, 4097) == "no sensor-telemetry");
  CHECK(sensor.publish("plant/sensor-18/telemetry/temp") == "no policy.no-rule");
  CHECK(sensor.publish("plant/sensor-17/state", 1, true) == "yes sensor-state");
  CHECK(sensor.subscribe("plant/sensor-17/cmd/+") == "yes sensor-commands");
  CHECK(sensor.subscribe("plant/+/cmd/+") == "no policy.no-rule");
  CHECK(sensor.subscribe("#") == "no policy.no-rule");
  CHECK(sensor.subscribe("$SYS/#") == "no policy.no-rule");
  CHECK(sensor.grants().role_limits().size() == 1);
  CHECK(sensor.grants().bounds(Bounds()).max_packet == 16 * 1024);

  const Client dashboard(policy, {.listener = "devices", .cn = "dashboard-hall-2"});
  REQUIRE(dashboard.refused() == "");
  CHECK(dashboard.subscribe("plant/#") == "yes dashboard-watch");
  CHECK(dashboard.deliver("plant/sensor-17/telemetry/temp") == "yes dashboard-watch");
  CHECK(dashboard.deliver("plant/sensor-17/cmd/reboot") == "no dashboard-no-commands");
  CHECK(dashboard.subscribe("plant/+/cmd/#") == "no dashboard-no-commands");
  CHECK(dashboard.publish("plant/sensor-17/cmd/reboot") == "no policy.no-rule");

  const Who thief = {.listener = "devices", .cn = "sensor-1", .client_id = "sensor-2"};
  CHECK(Client(policy, thief).refused() == "policy.client-id-binding");
  CHECK(Client(policy, {.listener = "devices", .cn = "toaster-1"}).refused() == "policy.no-role");
  CHECK(Client(policy, {.listener = "devices", .client_id = "x"}).refused() == "policy.no-role");
}

TEST_CASE("command-and-control.toml") {
  const auto policy = load("command-and-control.toml", {"fleet", "control-room"});
  const Client vehicle(policy, {.listener = "fleet", .cn = "vehicle-7"});
  REQUIRE(vehicle.refused() == "");
  CHECK(vehicle.subscribe("fleet/vehicle-7/cmd/+", 2) == "yes vehicle-obeys");
  CHECK(vehicle.subscribe("fleet/vehicle-8/cmd/+") == "no policy.no-rule");
  CHECK(vehicle.publish("replies/console-anna/vehicle-7/stop") == "yes vehicle-answers");
  CHECK(vehicle.publish("replies/console-anna/vehicle-8/stop") == "no policy.no-rule");
  CHECK(vehicle.publish("fleet/vehicle-7/status", 1, true) == "yes vehicle-status");
  CHECK(vehicle.publish("fleet/vehicle-7/track") == "yes vehicle-track");
  CHECK(vehicle.publish("fleet/vehicle-7/track", 1) == "no vehicle-track");
  CHECK(vehicle.publish("fleet/vehicle-7/cmd/stop") == "no policy.no-rule");

  const Client old(policy, {.listener = "fleet", .cn = "vehicle-7"}, mqtt::Version::v3_1_1);
  CHECK(old.publish("fleet/vehicle-7/cmd/stop") == "no policy.no-rule disconnect");
  CHECK(old.publish("fleet/vehicle-7/track", 1) == "no vehicle-track");

  const Client console(policy, {.listener = "control-room", .cn = "console-anna"});
  REQUIRE(console.refused() == "");
  CHECK(console.publish("fleet/vehicle-7/cmd/stop", 2) == "yes console-commands");
  CHECK(console.publish("fleet/vehicle-7/cmd/stop", 2, true) == "no console-commands");
  CHECK(console.publish("fleet/vehicle-7/cmd/update") == "no console-no-updates disconnect");
  CHECK(console.response("replies/console-anna/vehicle-7/stop") == "yes console-replies");
  CHECK(console.response("replies/console-bert/vehicle-7/stop") == "no policy.no-rule");
  CHECK(console.subscribe("replies/console-anna/#") == "yes console-replies");
  CHECK(console.subscribe("replies/#") == "no policy.no-rule");
  CHECK(console.subscribe("fleet/+/status") == "yes console-watch");
  CHECK(console.subscribe("fleet/#") == "no policy.no-rule");

  const Who inside = {.listener = "control-room", .cn = "updater-1", .address = "10.1.2.3"};
  const Client updater(policy, inside);
  REQUIRE(updater.refused() == "");
  CHECK(updater.publish("fleet/vehicle-7/cmd/update") == "yes updater-commands");
  CHECK(updater.publish("fleet/vehicle-7/cmd/stop") == "no policy.no-rule");
  const Who outside = {.listener = "control-room", .cn = "updater-1", .address = "10.2.2.3"};
  CHECK(Client(policy, outside).refused() == "policy.no-role");
  CHECK(Client(policy, {.listener = "fleet", .cn = "console-anna"}).refused() == "policy.no-role");
}

TEST_CASE("multi-tenant.toml") {
  const auto policy = load("multi-tenant.toml", {"tenants", "legacy"});
  const std::string acme = "acme.tenants.example";
  const Client device(policy, {.listener = "tenants", .cn = "device-acme-7", .dns = acme});
  REQUIRE(device.refused() == "");
  CHECK(device.publish(acme + "/up/device-acme-7/temp", 1) == "yes device-up");
  CHECK(device.publish(acme + "/up/device-acme-8/temp") == "no policy.no-rule");
  CHECK(device.publish("bolt.tenants.example/up/device-acme-7/temp") == "no policy.no-rule");
  CHECK(device.subscribe(acme + "/down/device-acme-7/#") == "yes device-down");
  CHECK(device.subscribe("+/down/device-acme-7/#") == "no policy.no-rule");
  CHECK(device.subscribe("site/announcements") == "yes device-announcements");
  CHECK(device.publish("site/announcements") == "no policy.no-rule");

  const Client app(policy, {.listener = "tenants", .cn = "app-acme-1", .dns = acme});
  REQUIRE(app.refused() == "");
  CHECK(app.subscribe(acme + "/up/#") == "yes app-up");
  CHECK(app.subscribe("+/up/#") == "no policy.no-rule");
  CHECK(app.publish(acme + "/down/device-acme-7/set") == "yes app-down");
  CHECK(app.publish("bolt.tenants.example/down/device-bolt-1/set") == "no policy.no-rule");
  CHECK(app.deliver("bolt.tenants.example/up/device-bolt-1/temp") == "no policy.no-rule");

  const Client site(policy, {.listener = "tenants", .cn = "site-ops"});
  REQUIRE(site.refused() == "");
  CHECK(site.publish("site/announcements", 1, true) == "yes site-announcements");
  CHECK(site.subscribe("+/up/+/health") == "yes site-health");
  CHECK(site.subscribe("+/up/#") == "no policy.no-rule");

  // A certificate of somebody who is not a tenant, or that says nothing of a tenant.
  CHECK(
      Client(policy, {.listener = "tenants", .cn = "device-x", .dns = "evil.example"}).refused() ==
      "policy.no-role");
  CHECK(Client(policy, {.listener = "tenants", .cn = "device-x"}).refused() == "policy.no-role");

  const Who old = {
      .listener = "legacy", .client_id = "acme-3", .username = "acme-3", .address = "10.20.1.1"};
  const Client legacy(policy, old);
  REQUIRE(legacy.refused() == "");
  CHECK(legacy.publish(acme + "/up/acme-3/temp", 1) == "yes legacy-acme-up");
  CHECK(legacy.publish(acme + "/up/acme-4/temp") == "no policy.no-rule");
  CHECK(legacy.publish(acme + "/up/acme-3/temp", 0, false, 1025) == "no legacy-acme-up");
}

TEST_CASE("all shipped policies") {
  // They are for different sites, but share no name, so that they can be tried side by side.
  const auto policy = load("*.toml", {"devices", "fleet", "control-room", "tenants", "legacy"});
  CHECK(policy->role_count() == 9);
}

struct Block {
  std::size_t line;
  std::string text;
};

/// The ```toml blocks of a page.
std::vector<Block> blocks_of(const std::string& path) {
  std::ifstream in(path);
  REQUIRE(in.good());
  std::vector<Block> blocks;
  bool inside = false;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (!inside && line == "```toml") {
      inside = true;
      blocks.push_back({number + 1, ""});
    } else if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back().text += line + "\n";
    }
  }
  REQUIRE(!inside);
  return blocks;
}

std::string contents(const std::string& path) {
  std::ifstream in(path);
  REQUIRE(in.good());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST_CASE("every example of the reference loads") {
  static constexpr std::string_view kRole = "[[role]]\nname = 'r'\n";
  static constexpr std::string_view kRule = "[[role.allow]]\nid = 'a'\npublish = 'a'\n";
  int gateways = 0;
  for (const Block& block : blocks_of(shipped("README.md"))) {
    CAPTURE(block.line);
    CAPTURE(block.text);
    if (block.text.starts_with("# gateway.toml\n")) {
      const auto options = test::gateway(block.text);
      if (!options) FAIL(test::all(options.error()));
      ++gateways;
      continue;
    }
    std::string text = block.text;
    if (text.starts_with("# in a role\n"))
      text = std::string(kRole) + text;
    else if (text.starts_with("# in a rule\n"))
      text = std::string(kRole) + std::string(kRule) + text;
    else
      REQUIRE(text.starts_with("# policy\n"));
    const auto policy = test::policy_of(text);
    if (!policy) FAIL(test::all(policy.error()));
  }
  CHECK(gateways == 1);
}

TEST_CASE("the gateway file of the reference shows the defaults") {
  for (Block& block : blocks_of(shipped("README.md"))) {
    if (!block.text.starts_with("# gateway.toml\n")) continue;
    const std::size_t own = block.text.find("max_packet = \"1 MiB\"\n");
    REQUIRE(own != std::string::npos);
    block.text.erase(own, block.text.find('\n', own) - own);
    const auto options = test::gateway(block.text);
    REQUIRE(options.has_value());
    const GatewayOptions defaults;
    const ListenerOptions& listener = options->listeners.at(0);
    CHECK(static_cast<const settings::Broker&>(options->broker) == defaults.broker);
    CHECK(options->broker.tls->server_name == options->broker.address.host);
    CHECK(options->broker.tls->min_version == tls::ClientOptions().min_version);
    CHECK(listener.tls->min_version == tls::ServerOptions().min_version);
    CHECK(listener.bounds == Bounds());
    GatewayOptions with_listener;
    with_listener.listeners.emplace_back();
    std::map<std::string, std::string> default_values;
    for (const KeyInfo& key : list_gateway_keys(with_listener)) {
      default_values[key.path] = key.value;
    }
    // All of them stand there, or the page would show the defaults whatever it says.
    for (const KeyInfo& key : list_gateway_keys(*options)) {
      if (key.is_table || key.path.starts_with("listener.limits.")) continue;
      if (key.path == "broker.tls.pins") continue;  // it excludes `ca`
      CAPTURE(key.path);
      // What has no default but "none" or "no limit" is shown by an example.
      const std::string& usual = default_values.at(key.path);
      const bool is_value = usual.starts_with('"') || std::isdigit(usual[0]) != 0;
      if (is_value && !usual.starts_with("\"required\"")) CHECK(key.value == usual);
      const std::string name = key.path.substr(key.path.find_last_of('.') + 1);
      CHECK(block.text.find("\n" + name + " = ") != std::string::npos);
    }
  }
}

TEST_CASE("every key of policy files is in the reference") {
  const std::string page = contents(shipped("README.md"));
  for (const std::string& path : test::known_paths()) {
    if (!path.starts_with("role")) continue;  // the others: reference_test.cc
    const std::string key = path.substr(path.find_last_of('.') + 1);
    CAPTURE(path);
    const bool alone = page.find("`" + key + "`") != std::string::npos;
    const bool behind = page.find("." + key + "`") != std::string::npos ||
                        page.find("] " + key + "`") != std::string::npos;
    const bool table = page.find("[" + key + "]") != std::string::npos;
    CHECK((alone || behind || table));
  }
}

TEST_CASE("the gateway files that are shipped elsewhere load") {
  const auto start = test::gateway(contents(SALLYPORT_SOURCE "/deploy/gateway.toml"));
  if (!start) FAIL(test::all(start.error()));
  CHECK(start->listeners.size() == 1);
}

}  // namespace
}  // namespace sallyport::config
