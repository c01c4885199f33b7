#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "files.h"

namespace sallyport::config {
namespace {

using namespace std::chrono_literals;
using test::all;
using test::Bad;
using test::Folder;

GatewayOptions good(std::string_view more) {
  auto options = test::gateway(std::string(test::kGateway) + std::string(more));
  if (!options) FAIL(all(options.error()));
  return std::move(*options);
}
Bounds bounds(std::string_view keys) {
  return good("limits = { " + std::string(keys) + " }\n").listeners.at(0).bounds;
}

TEST_CASE("the least that loads, and its defaults") {
  const Folder folder;
  const auto options = test::gateway(folder, test::kGateway);
  REQUIRE(options.has_value());
  CHECK(options->file == folder.path("gateway.toml"));
  CHECK(options->broker.address.to_string() == "127.0.0.1:1883");
  CHECK(options->broker.address.origin.line == 2);
  CHECK(options->broker.address.origin.column == 11);
  CHECK(!options->broker.tls);
  CHECK(options->broker.connect_timeout == 5s);
  CHECK(options->broker.connack_timeout == 10s);
  REQUIRE(options->listeners.size() == 1);
  const ListenerOptions& listener = options->listeners[0];
  CHECK(listener.name == "devices");
  CHECK(listener.address.to_string() == "0.0.0.0:8883");
  CHECK(!listener.tls);
  CHECK(listener.max_connections == 10'000);
  CHECK(listener.max_connections_per_address == 0);
  CHECK(!listener.connects_per_client);
  const Bounds defaults;
  CHECK(listener.bounds.max_packet == defaults.max_packet);
  CHECK(listener.bounds.max_packet_before_connect == defaults.max_packet_before_connect);
  CHECK(listener.bounds.connect_timeout == defaults.connect_timeout);
  CHECK(listener.bounds.refuse_control_characters);
  CHECK(!listener.bounds.bridges);
  CHECK(options->workers == 0);
  REQUIRE(options->policy_files.size() == 1);
  CHECK(options->policy_files[0] == folder.path("*.policy"));
  CHECK(options->policy_origin.line == 4);
  CHECK(!options->observe.address);
  CHECK(options->observe.audit_log.empty());
  CHECK(options->observe.audit_queue == 8192);
  CHECK(options->log.level == settings::LogLevel::info);
  CHECK(options->drain.delay == 0s);
  CHECK(options->drain.window == 0s);
  CHECK(options->drain.timeout == 10s);
}

TEST_CASE("the example of the documentation") {
  const Folder folder;
  const auto options = test::gateway(folder, R"(# gateway.toml
[broker]
address = "127.0.0.1:1883"

[[listener]]
name = "devices"
address = "0.0.0.0:8883"
tls = { certificate = "server.crt", key = "server.key", client_ca = "devices-ca.crt", client_certificate = "required" }

[workers]
count = 2                         # default: one per core

[policy]
files = ["policies/*.toml"]

[observe]
address = "127.0.0.1:9464"        # /metrics /healthz /readyz
audit_log = "audit.jsonl"         # or "stdout"
)");
  REQUIRE(options.has_value());
  CHECK(options->workers == 2);
  REQUIRE(options->listeners.at(0).tls.has_value());
  const tls::ServerOptions& tls = *options->listeners[0].tls;
  CHECK(tls.certificate == folder.path("server.crt"));
  CHECK(tls.key == folder.path("server.key"));
  CHECK(tls.client_ca == folder.path("devices-ca.crt"));
  CHECK(tls.client_certificate == tls::ClientCertificate::required);
  CHECK(options->listeners[0].tls_origin.line == 8);
  CHECK(options->listeners[0].tls_origin.column == 7);
  CHECK(options->observe.address->to_string() == "127.0.0.1:9464");
  CHECK(options->observe.audit_log == folder.path("audit.jsonl"));
  CHECK(options->observe.audit_origin.line == 18);
}

TEST_CASE("every key of the gateway file has an effect") {
  const GatewayOptions options = good(R"(
max_connections = 7
max_connections_per_address = 3
connects_per_client = "10/min"
connect_burst = 1000
[listener.tls]
certificate = "/etc/a.crt"
key = "b.key"
min_version = "1.3"
[[listener]]
name = "v6"
address = "[::]:8884"
tls = { certificate = "a", key = "b", client_ca = "c", client_certificate = "optional" }
[[listener]]
name = "quiet"
address = "[::1]:8885"
tls = { certificate = "a", key = "b", client_certificate = "none" }
[[listener]]
name = "careful"
address = "[::1]:8886"
tls = { certificate = "a", key = "b", client_ca = "c" }
[broker.tls]
ca = "ca.crt"
certificate = "c"
key = "k"
min_version = "1.2"
[observe]
address = "[::1]:9464"
audit_log = "stdout"
audit_queue = 16
[log]
level = "debug"
[drain]
delay = "5 s"
window = "1 h"
timeout = "0 s"
server_references = ["Other.example:8883", "b"]
[workers]
count = 256
)");
  CHECK(options.listeners.at(0).max_connections == 7);
  CHECK(options.listeners[0].max_connections_per_address == 3);
  REQUIRE(options.listeners[0].connects_per_client.has_value());
  CHECK(options.listeners[0].connects_per_client->count == 10);
  CHECK(options.listeners[0].connects_per_client->per == 1min);
  CHECK(options.listeners[0].connect_burst == 1000);
  CHECK(options.listeners[0].tls->certificate == "/etc/a.crt");
  CHECK(options.listeners[0].tls->min_version == tls::ProtocolVersion::tls1_3);
  CHECK(options.listeners[0].tls->client_certificate == tls::ClientCertificate::none);
  CHECK(options.listeners.at(1).tls->client_certificate == tls::ClientCertificate::optional);
  CHECK(options.listeners[1].tls->min_version == tls::ProtocolVersion::tls1_2);
  CHECK(options.listeners.at(2).tls->client_certificate == tls::ClientCertificate::none);
  // Naming an authority and not being asked for certificates would be a trap.
  CHECK(options.listeners.at(3).tls->client_certificate == tls::ClientCertificate::required);
  REQUIRE(options.broker.tls.has_value());
  CHECK(options.broker.tls->server_name == "127.0.0.1");
  CHECK(options.broker.tls->ca.ends_with("/ca.crt"));
  CHECK(options.broker.tls->certificate.ends_with("/c"));
  CHECK(options.broker.tls->key.ends_with("/k"));
  CHECK(options.broker.tls->min_version == tls::ProtocolVersion::tls1_2);
  CHECK(options.broker.tls_origin.line == 29);
  CHECK(options.observe.address->host == "::1");
  CHECK(options.observe.audit_log == "stdout");
  CHECK(options.observe.audit_queue == 16);
  CHECK(options.log.level == settings::LogLevel::debug);
  CHECK(options.drain.delay == 5s);
  CHECK(options.drain.window == 1h);
  CHECK(options.drain.timeout == 0s);
  CHECK(options.drain.server_references == std::vector<std::string>{"other.example:8883", "b"});
  CHECK(options.workers == 256);
}

TEST_CASE("the broker's options") {
  const auto options = test::gateway(
      "[broker]\naddress = \"broker.example:8883\"\nconnect_timeout = \"100 ms\"\n"
      "connack_timeout = \"10 min\"\ntls = { ca = \"x\", server_name = \"mqtt.example\" }\n"
      "[policy]\nfiles = \"/etc/*.toml\"\n[[listener]]\nname = \"a\"\naddress = \"[::]:1\"\n");
  REQUIRE(options.has_value());
  CHECK(options->broker.connect_timeout == 100ms);
  CHECK(options->broker.connack_timeout == 10min);
  CHECK(options->broker.tls->server_name == "mqtt.example");
  CHECK(options->broker.tls->certificate.empty());
  CHECK(options->policy_files.at(0) == "/etc/*.toml");
}

TEST_CASE("every limit has an effect, and its bounds") {
  CHECK(bounds("max_packet = '128 B'").max_packet == 128);
  CHECK(bounds("max_packet = '128 B'").max_packet_before_connect == 128);
  CHECK(bounds("max_packet = '256 MiB'").max_packet == 268'435'456);
  CHECK(bounds("max_packet_before_connect = '64 KiB'").max_packet_before_connect == 65536);
  CHECK(bounds("connect_timeout = '100 ms'").connect_timeout == 100ms);
  CHECK(bounds("max_topic_length = '65535 B'").max_topic_length == 65535);
  CHECK(bounds("max_topic_levels = 1").max_topic_levels == 1);
  CHECK(bounds("max_client_id_length = '23 B'").max_client_id_length == 23);
  CHECK(bounds("max_filters = 1").max_filters == 1);
  CHECK(bounds("max_user_properties = 0").max_user_properties == 0);
  CHECK(bounds("max_user_property_bytes = '0 B'").max_user_property_bytes == 0);
  CHECK(bounds("max_topic_aliases = 0").max_topic_aliases == 0);
  CHECK(bounds("max_qos2_in_flight = 65535").max_qos2_in_flight == 65535);
  CHECK(bounds("max_requests = 5").max_requests == 5);
  CHECK(bounds("max_keep_alive = '20 min'").max_keep_alive == 1200);
  CHECK(bounds("max_keep_alive = '65535 s'").max_keep_alive == 65535);
  CHECK(bounds("min_keep_alive = '30 s'").min_keep_alive == 30);
  CHECK(bounds("min_keep_alive = '20 min'").min_keep_alive == 1200);
  CHECK(bounds("mqtt3_keep_alive = 'refuse'").refuse_mqtt3_keep_alive);
  CHECK(!bounds("mqtt3_keep_alive = 'pass'").refuse_mqtt3_keep_alive);
  CHECK(bounds("client_id_characters = 'any'").client_id_characters == Characters());
  CHECK(bounds("client_id_characters = 'a'").client_id_characters.contain_all("aa"));
  CHECK(!bounds("client_id_characters = 'a'").client_id_characters.contains('b'));
  CHECK(bounds("max_will_payload = '0 B'").max_will_payload == 0);
  CHECK(bounds("max_will_payload = '65535 B'").max_will_payload == 65535);
  CHECK(bounds("max_subscriptions = 0").max_subscriptions == 0);
  CHECK(bounds("max_subscriptions = 65535").max_subscriptions == 65535);
  CHECK(!bounds("control_characters = 'pass'").refuse_control_characters);
  CHECK(bounds("control_characters = 'refuse'").refuse_control_characters);
  CHECK(bounds("bridges = true").bridges);
}

TEST_CASE("[limits] are what a listener begins with") {
  const GatewayOptions options = good(
      "[listener.limits]\nmax_packet = \"1 MiB\"\n"
      "[[listener]]\nname = \"b\"\naddress = \"[::1]:2\"\n"
      "[limits]\nmax_packet = \"2 MiB\"\nmax_filters = 3\n");
  CHECK(options.listeners.at(0).bounds.max_packet == 1024 * 1024);
  CHECK(options.listeners[0].bounds.max_filters == 3);
  CHECK(options.listeners.at(1).bounds.max_packet == 2 * 1024 * 1024);
  CHECK(options.listeners[1].bounds.max_filters == 3);
}

TEST_CASE("a listener's maximum below the minimum of [limits]") {
  const auto options =
      test::gateway(std::string(test::kGateway) +
                    "limits = { max_keep_alive = '10 s' }\n[limits]\nmin_keep_alive = '30 s'\n");
  REQUIRE(!options.has_value());
  CHECK(test::has(options.error(), "8:29", "is less than min_keep_alive"));
  CHECK(test::has(options.error(), "8:29", "the other one is \"30 s\""));
  CHECK(options.error().size() == 1);
}

TEST_CASE("relative paths start at the folder of the file") {
  const Folder folder;
  std::filesystem::create_directory(folder.path("a[b]"));
  const auto options = test::gateway(folder, test::kGateway);
  const auto odd = load_gateway(folder.write("a[b]/gateway.toml", test::kGateway));
  REQUIRE(odd.has_value());
  CHECK(odd->policy_files[0] == folder.path("a\\[b\\]/*.policy"));

  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(folder.path(""));
  const auto plain = load_gateway("gateway.toml");
  std::filesystem::current_path(here);
  REQUIRE(plain.has_value());
  CHECK(plain->policy_files[0] == "*.policy");
}

}  // namespace
TEST_CASE("the audit log may go to syslog or journald, by name or by the path of the socket") {
  for (const std::string target : {"syslog", "journald", "syslog:/run/log", "journald:/run/x"}) {
    CHECK(good("[observe]\naudit_log = \"" + target + "\"\n").observe.audit_log == target);
  }
  // A file that only begins like one.
  const Folder folder;
  const auto options = test::gateway(
      folder, std::string(test::kGateway) + "[observe]\naudit_log = \"syslog.jsonl\"\n");
  REQUIRE(options);
  CHECK(options->observe.audit_log == folder.path("syslog.jsonl"));
}

}  // namespace sallyport::config
