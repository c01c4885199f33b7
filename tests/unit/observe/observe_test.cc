#include "observe/observe.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "http_client.h"
#include "observe/health.h"
#include "observe/worker_events.h"
#include "support.h"

namespace sallyport::observe {

namespace {

using namespace std::chrono_literals;
using testing::sample;

const std::string kOpen =
    "sallyport_refusals_total{listener=\"devices\",role=\"none\",phase=\"open\",rule=\"";

struct Gateway {
  std::unique_ptr<Log> log = testing::quiet_log();
  std::unique_ptr<Observe> observe;

  explicit Gateway(Options options = {}) {
    options.build = {"1.2.3", "4b2c9f1-dirty", "gcc 12.2.0", "BoringSSL", "5"};
    if (options.listeners.empty()) options.listeners = {"devices", "plain"};
    auto started = Observe::start(options, *log);
    REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
    observe = std::move(*started);
  }
  GatewayEvents& worker(std::size_t i = 0) { return observe->worker(i); }
  [[nodiscard]] double operator[](const std::string& name) const {
    return sample(observe->metrics(), name);
  }
};

Options some(std::size_t workers, std::string audit_log = {}) {
  Options options;
  options.workers = workers;
  options.audit_log = std::move(audit_log);
  return options;
}

Options with_http() {
  Options options = some(2);
  options.address = Address{"127.0.0.1", 0};
  return options;
}

}  // namespace

TEST_CASE("connections by listener") {
  Gateway gateway(some(2));
  gateway.worker(0).on_accept("devices");
  gateway.worker(1).on_accept("devices");
  gateway.worker(1).on_accept("devices");
  gateway.worker(1).on_connection_closed("devices");
  CHECK(gateway["sallyport_connections_accepted_total{listener=\"devices\"}"] == 3);
  CHECK(gateway["sallyport_connections_accepted_total{listener=\"plain\"}"] == 0);
  CHECK(gateway["sallyport_connections_open{listener=\"devices\"}"] == 2);
  // A listener that nobody configured can only ever be this one.
  CHECK(gateway["sallyport_connections_accepted_total{listener=\"other\"}"] == -1);
  gateway.worker().on_accept("who");
  gateway.worker().on_accept("knows");
  CHECK(gateway["sallyport_connections_accepted_total{listener=\"other\"}"] == 2);
}

TEST_CASE("handshakes, broker connects and their time") {
  Gateway gateway(some(2));
  gateway.worker(0).on_handshake({Side::client, "devices", "TLSv1.3", 3ms, std::nullopt});
  gateway.worker(1).on_handshake({Side::client, "devices", "TLSv1.3", 30ms, std::nullopt});
  gateway.worker(1).on_handshake({Side::client, "devices", "", 10s, Check::certificate_expired});
  CHECK(gateway["sallyport_tls_handshakes_total{listener=\"devices\",side=\"client\",result=\"ok\","
                "version=\"TLSv1.3\"}"] == 2);
  CHECK(gateway["sallyport_tls_handshakes_total{listener=\"devices\",side=\"client\",result="
                "\"failed\",version=\"none\"}"] == 1);
  CHECK(gateway["sallyport_tls_handshake_failures_total{listener=\"devices\",side=\"client\","
                "reason=\"tls."
                "certificate-expired\"}"] == 1);
  const std::string name = "sallyport_tls_handshake_duration_seconds";
  CHECK(gateway[name + "_count{listener=\"devices\",side=\"client\"}"] == 2);
  CHECK(gateway[name + "_sum{listener=\"devices\",side=\"client\"}"] == doctest::Approx(0.033));
  CHECK(gateway[name + "_bucket{listener=\"devices\",side=\"client\",le=\"0.0025\"}"] == 0);
  CHECK(gateway[name + "_bucket{listener=\"devices\",side=\"client\",le=\"0.005\"}"] == 1);
  CHECK(gateway[name + "_bucket{listener=\"devices\",side=\"client\",le=\"0.05\"}"] == 2);
  CHECK(gateway[name + "_bucket{listener=\"devices\",side=\"client\",le=\"+Inf\"}"] == 2);
  CHECK(gateway[name + "_count{listener=\"devices\",side=\"broker\"}"] == 0);

  CHECK(gateway["sallyport_broker_last_connect_success"] == -1);
  gateway.worker(0).on_broker_connect(1ms, std::nullopt, {});
  CHECK(gateway["sallyport_broker_last_connect_success"] == 1);
  gateway.worker(1).on_broker_connect(5s, Check::broker_refused, {});
  CHECK(gateway["sallyport_broker_last_connect_success"] == 0);
  CHECK(gateway["sallyport_broker_connects_total{result=\"ok\"}"] == 1);
  CHECK(gateway["sallyport_broker_connects_total{result=\"failed\"}"] == 1);
  CHECK(gateway["sallyport_broker_connect_failures_total{reason=\"broker.connection-refused\"}"] ==
        1);
  // A bound belongs to its bucket.
  CHECK(gateway["sallyport_broker_connect_duration_seconds_bucket{le=\"0.001\"}"] == 1);
  CHECK(gateway["sallyport_broker_connect_duration_seconds_count"] == 1);
}

TEST_CASE("packets, bytes, rewrites, back-pressure and throttles") {
  Gateway gateway(some(2));
  gateway.worker(0).on_packet(Side::client, mqtt::PacketType::publish, 100);
  gateway.worker(1).on_packet(Side::client, mqtt::PacketType::publish, 268'435'460);
  gateway.worker(1).on_packet(Side::broker, mqtt::PacketType::puback, 4);
  CHECK(gateway["sallyport_packets_total{from=\"client\",type=\"PUBLISH\"}"] == 2);
  CHECK(gateway["sallyport_packet_bytes_total{from=\"client\",type=\"PUBLISH\"}"] == 268'435'560);
  CHECK(gateway["sallyport_packets_total{from=\"broker\",type=\"PUBACK\"}"] == 1);
  gateway.worker().on_wire_bytes({.received = {10, 3}, .sent = {20, 0}});
  gateway.worker().on_wire_bytes({.received = {1, 0}, .sent = {}});
  CHECK(gateway["sallyport_wire_bytes_total{side=\"client\",direction=\"received\"}"] == 11);
  CHECK(gateway["sallyport_wire_bytes_total{side=\"client\",direction=\"sent\"}"] == 20);
  CHECK(gateway["sallyport_wire_bytes_total{side=\"broker\",direction=\"received\"}"] == 3);
  gateway.worker().on_rewrite(Rewrite::subscribe);
  CHECK(gateway["sallyport_rewrites_total{what=\"subscribe\"}"] == 1);
  gateway.worker().on_backpressure(Side::broker, true);
  gateway.worker().on_backpressure(Side::broker, false);
  CHECK(gateway["sallyport_backpressure_pauses_total{slow=\"broker\"}"] == 1);
  const Identity who = testing::sensor();
  gateway.worker(0).on_throttle({.session = 1, .identity = who}, Side::client, {"telemetry", true},
                                2s);
  gateway.worker(1).on_throttle({.session = 2, .identity = who}, Side::client, {"telemetry", true},
                                500ms);
  CHECK(gateway["sallyport_throttles_total{listener=\"devices\",role=\"none\",rule=\"telemetry\","
                "from=\"client\"}"] == 2);
  CHECK(gateway["sallyport_throttled_seconds_total{listener=\"devices\",role=\"none\",rule="
                "\"telemetry\",from=\"client\"}"] == 2.5);
}

TEST_CASE("refusals by rule, action, reason and sender; nothing of the client is a label") {
  Gateway gateway(some(2));
  const Identity who = testing::sensor();
  const Who info{.session = 1, .identity = who};
  Refusal refusal = testing::refusal_by("no-internals");
  gateway.worker(0).on_refusal(info, refusal);
  gateway.worker(1).on_refusal(info, refusal);
  refusal.action = Action::report;
  gateway.worker(1).on_refusal(info, refusal);
  const std::string name =
      "sallyport_refusals_total{listener=\"devices\",role=\"none\",phase=\"open\",rule=\"no-"
      "internals\",action="
      "\"";
  CHECK(gateway[name + "drop\",reason=\"not_authorized\",from=\"client\"}"] == 2);
  CHECK(gateway[name + "report\",reason=\"not_authorized\",from=\"client\"}"] == 1);
  const std::string text = gateway.observe->metrics();
  for (const char* secret : {"sensor-1", "someone", "192.0.2.7", "plant/1", "f00d"})
    CHECK(text.find(secret) == std::string::npos);
}

TEST_CASE("rules without end become 1,000 and other; checks keep their names") {
  Gateway gateway(some(2));
  const Identity who = testing::sensor();
  const Who info{.session = 1, .identity = who};
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "rule-" + std::to_string(i);
    gateway.worker(static_cast<std::size_t>(i % 2)).on_refusal(info, testing::refusal_by(name));
  }
  gateway.worker().on_refusal(info, testing::refusal_by(to_string(Check::no_rule), false));
  std::size_t rules = 0;
  double total = 0;
  for (const auto& [name, value] : testing::samples(gateway.observe->metrics())) {
    if (name.find(",rule=\"rule-") != std::string::npos) ++rules;
    if (name.rfind("sallyport_refusals_total", 0) == 0) total += value;
  }
  CHECK(rules == 1000);
  CHECK(total == 3001);
  const std::string rest = "\",action=\"drop\",reason=\"not_authorized\",from=\"client\"}";
  CHECK(gateway[kOpen + "other" + rest] == 2000);
  CHECK(gateway[kOpen + "policy.no-rule" + rest] == 1);
}

TEST_CASE("sessions: begun, open, ended") {
  Gateway gateway(some(2));
  const Identity who = testing::sensor();
  const Who a{.session = 1, .identity = who};
  gateway.worker(0).on_session_begin(a);
  gateway.worker(1).on_session_begin({.session = 2, .identity = who});
  CHECK(gateway["sallyport_sessions_open{listener=\"devices\",role=\"none\"}"] == 2);
  gateway.worker(0).on_session_end(a, {Side::client, CloseKind::keep_alive, "mqtt.keep-alive"},
                                   true);
  gateway.worker(0).on_session_end({.session = 3, .identity = who},
                                   {Side::broker, CloseKind::broker_unavailable, ""}, false);
  CHECK(gateway["sallyport_sessions_begun_total{listener=\"devices\",role=\"none\"}"] == 2);
  CHECK(gateway["sallyport_sessions_open{listener=\"devices\",role=\"none\"}"] == 1);
  const auto ended = [&](Side side, CloseKind kind, const char* begun) {
    return gateway["sallyport_sessions_ended_total{side=\"" + std::string(to_string(side)) +
                   "\",kind=\"" + std::string(to_string(kind)) + "\",begun=\"" + begun + "\"}"];
  };
  CHECK(ended(Side::client, CloseKind::keep_alive, "true") == 1);
  CHECK(ended(Side::broker, CloseKind::broker_unavailable, "false") == 1);
  CHECK(ended(Side::client, CloseKind::disconnect, "true") == 0);
}

TEST_CASE("what the composition root says") {
  Gateway gateway(some(3));
  CHECK(gateway["sallyport_build_info{version=\"1.2.3\",revision=\"4b2c9f1-dirty\","
                "compiler=\"gcc 12.2.0\",tls_library=\"BoringSSL\",tls_revision=\"5\"}"] == 1);
  CHECK(gateway["sallyport_workers"] == 3);
  CHECK(gateway["sallyport_config_last_reload_success"] == 1);
  const double loaded = gateway["sallyport_config_last_reload_success_timestamp_seconds"];
  CHECK(loaded > 1.6e9);
  gateway.observe->on_reload(false);
  CHECK(gateway["sallyport_config_last_reload_success"] == 0);
  CHECK(gateway["sallyport_config_last_reload_success_timestamp_seconds"] == loaded);
  gateway.observe->on_reload(true);
  CHECK(gateway["sallyport_config_last_reload_success"] == 1);
  CHECK(gateway["sallyport_config_last_reload_success_timestamp_seconds"] >= loaded);
  CHECK(gateway["sallyport_config_reloads_total{result=\"failed\"}"] == 1);
  CHECK(gateway["sallyport_config_reloads_total{result=\"ok\"}"] == 1);
  gateway.observe->set_policy(4, 17);
  CHECK(gateway["sallyport_policy_roles"] == 4);
  CHECK(gateway["sallyport_policy_rules"] == 17);
  const auto expiry = std::chrono::system_clock::from_time_t(2'000'000'000);
  gateway.observe->set_certificates({{"listener:devices", expiry}, {"broker", expiry}});
  CHECK(
      gateway["sallyport_certificate_expiry_timestamp_seconds{certificate=\"listener:devices\"}"] ==
      2e9);
  gateway.observe->set_certificates({{"broker", expiry}});
  CHECK(
      gateway["sallyport_certificate_expiry_timestamp_seconds{certificate=\"listener:devices\"}"] ==
      -1);
}

TEST_CASE("what every process has") {
  const Gateway gateway;
  for (const char* name :
       {"process_cpu_seconds_total", "process_resident_memory_bytes",
        "process_virtual_memory_bytes", "process_open_fds", "process_max_fds", "process_threads"})
    CHECK_MESSAGE(gateway[name] >= 0, name);
  CHECK(gateway["process_resident_memory_bytes"] > 1e6);
  CHECK(gateway["process_threads"] >= 1);
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  CHECK(gateway["process_start_time_seconds"] <= now + 2);
  CHECK(gateway["process_start_time_seconds"] > now - 7 * 86'400);
}

TEST_CASE("counters of all workers add up while somebody scrapes, and never fall") {
  constexpr std::size_t kWorkers = 4;
  constexpr std::uint64_t kTurns = 2000;
  Gateway gateway(some(kWorkers));
  std::atomic<std::size_t> running{kWorkers};
  std::vector<std::thread> threads;
  for (std::size_t w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      const Identity who = testing::sensor();
      GatewayEvents& events = gateway.worker(w);
      for (std::uint64_t i = 0; i < kTurns; ++i) {
        const Who info{.session = i * kWorkers + w, .identity = who};
        events.on_accept("devices");
        events.on_handshake({Side::client, "devices", "TLSv1.3", 1ms, std::nullopt});
        events.on_session_begin(info);
        events.on_packet(Side::client, mqtt::PacketType::publish, 10);
        const std::string rule = "rule-" + std::to_string(i % 50);
        events.on_refusal(info, testing::refusal_by(rule));
        events.on_handshake({Side::broker, "devices", "", 1ms,
                             i % 2 == 0 ? Check::tls_closed : Check::tls_timeout});
        events.on_heartbeat();
        events.on_session_end(info, {}, true);
        events.on_connection_closed("devices");
      }
      --running;
    });
  }
  std::map<std::string, double> before;
  do {
    auto now = testing::samples(gateway.observe->metrics());
    for (const auto& [name, value] : before)
      if (name.find("_total") != std::string::npos || name.find("_bucket") != std::string::npos)
        REQUIRE_MESSAGE(now[name] >= value, name);
    before = std::move(now);
  } while (running != 0);
  for (auto& thread : threads) thread.join();

  constexpr auto kAll = static_cast<double>(kWorkers * kTurns);
  CHECK(gateway["sallyport_connections_accepted_total{listener=\"devices\"}"] == kAll);
  CHECK(gateway["sallyport_connections_open{listener=\"devices\"}"] == 0);
  CHECK(gateway["sallyport_packet_bytes_total{from=\"client\",type=\"PUBLISH\"}"] == kAll * 10);
  CHECK(gateway["sallyport_tls_handshake_duration_seconds_count{listener=\"devices\",side="
                "\"client\"}"] == kAll);
  CHECK(gateway["sallyport_sessions_open{listener=\"devices\",role=\"none\"}"] == 0);
  for (int rule = 0; rule < 50; ++rule)
    CHECK(gateway[kOpen + "rule-" + std::to_string(rule) +
                  "\",action=\"drop\",reason=\"not_authorized\",from=\"client\"}"] == kAll / 50);
  CHECK(gateway["sallyport_tls_handshake_failures_total{listener=\"devices\",side=\"broker\","
                "reason=\"tls.timeout\"}"] == kAll / 2);
}

TEST_CASE("the audit log: refusals and sessions, once each, and never noise") {
  const testing::TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  Gateway gateway(some(2, path));
  const Identity who = testing::sensor();
  const Who info{.session = 1, .identity = who};
  gateway.worker(0).on_session_begin(info);
  gateway.worker(0).on_refusal(info, testing::refusal_by("no-internals"));
  gateway.worker(0).on_session_end(info, {Side::client, CloseKind::disconnect, ""}, true);
  // A port probe, a CONNECT that the broker refused, and CONNECT with DISCONNECT in one write.
  gateway.worker(1).on_session_end({.session = 2, .identity = who},
                                   {Side::client, CloseKind::closed, ""}, false);
  gateway.worker(1).on_session_end({.session = 3, .identity = who},
                                   {Side::broker, CloseKind::broker_refused, ""}, false);
  gateway.worker(1).on_session_end(
      {.session = 4, .identity = who, .version = mqtt::Version::v3_1_1},
      {Side::client, CloseKind::disconnect, ""}, false);
  gateway.observe->stop();
  gateway.observe->stop();
  std::map<std::pair<std::string, int>, int> seen;
  for (const std::string& line : testing::lines_of(testing::read_all(path))) {
    const auto json = nlohmann::json::parse(line);
    ++seen[{json["event"].get<std::string>(), json["session"].get<int>()}];
  }
  CHECK(seen == std::map<std::pair<std::string, int>, int>{{{"session_begin", 1}, 1},
                                                           {{"refusal", 1}, 1},
                                                           {{"session_end", 1}, 1},
                                                           {{"session_end", 3}, 1},
                                                           {{"session_end", 4}, 1}});
  CHECK(gateway["sallyport_audit_lines_written_total"] == 5);
  CHECK(gateway["sallyport_audit_lines_lost_total{reason=\"queue_full\"}"] == 0);
}

TEST_CASE("the audit log: a flood of the same is counted in full and written in part") {
  const testing::TempFolder folder;
  const std::string path = folder.file("audit.jsonl");
  Gateway gateway(some(1, path));
  const Identity who = testing::sensor();
  constexpr int kFlood = 50'000;
  for (int i = 0; i < kFlood; ++i)
    gateway.worker().on_refusal({.session = 1, .identity = who}, testing::refusal_by("flood"));
  // Somebody else's line is not lost in it.
  gateway.worker().on_refusal({.session = 2, .identity = who}, testing::refusal_by("other-rule"));
  gateway.observe->workers_ended();
  gateway.observe->stop();
  CHECK(gateway[kOpen + "flood\",action=\"drop\",reason=\"not_authorized\","
                        "from=\"client\"}"] == kFlood);
  const double repeated = gateway["sallyport_audit_lines_lost_total{reason=\"repeated\"}"];
  std::uint64_t told = 0;
  int flood = 0;
  int other = 0;
  for (const std::string& line : testing::lines_of(testing::read_all(path))) {
    const auto json = nlohmann::json::parse(line);
    if (json["event"] == "repeated") {
      told += json["count"].get<std::uint64_t>();
      CHECK(json["topics"] == nlohmann::json({"plant/1/secret"}));
    } else {
      ++(json["rule"] == "flood" ? flood : other);
    }
  }
  CHECK(other == 1);
  CHECK(flood >= 100);
  CHECK(flood < kFlood / 2);
  CHECK(static_cast<double>(told) == repeated);
  CHECK(flood + repeated == kFlood);
}

TEST_CASE("without an audit log there is nothing to reopen and no audit metric") {
  Gateway gateway;
  CHECK(gateway.observe->reopen_audit());
  CHECK(gateway["sallyport_audit_lines_written_total"] == -1);
}

TEST_CASE("the start fails as a whole, and says which key is to blame") {
  const testing::TempFolder folder;
  const auto log = testing::quiet_log();
  Options options = with_http();
  options.audit_log = folder.file("no/such/audit.jsonl");
  auto failed = Observe::start(options, *log);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().key == Error::Key::audit_log);

  const Gateway first(with_http());
  options.audit_log = folder.file("audit.jsonl");
  options.address->port = first.observe->port();
  failed = Observe::start(options, *log);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().key == Error::Key::address);
  CHECK(failed.error().message.find("is in use") != std::string::npos);
}

TEST_CASE("the three pages") {
  Gateway gateway(with_http());
  const std::uint16_t port = gateway.observe->port();
  const std::string metrics = testing::get(port, "/metrics");
  CHECK(testing::status_of(metrics) == 200);
  CHECK(metrics.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n") !=
        std::string::npos);
  CHECK(sample(testing::body_of(metrics), "sallyport_workers") == 2);

  CHECK(testing::status_of(testing::get(port, "/healthz")) == 200);
  CHECK(testing::status_of(testing::get(port, "/readyz")) == 503);
  gateway.observe->set_ready(true);
  CHECK(testing::status_of(testing::get(port, "/readyz")) == 200);
  // A dead broker is told, and does not make the gateway unready.
  gateway.worker().on_broker_connect(1ms, Check::broker_refused, {});
  const std::string ready = testing::get(port, "/readyz");
  CHECK(testing::status_of(ready) == 200);
  CHECK(testing::body_of(ready) == "ready\nbroker: last connect failed\n");
  gateway.observe->set_ready(false);
  CHECK(testing::status_of(testing::get(port, "/readyz")) == 503);
  gateway.observe->stop();
  CHECK(testing::get(port, "/healthz") == "(refused)");
}

TEST_CASE("health: every worker must have turned in the last ten seconds") {
  std::vector<std::unique_ptr<WorkerCounters>> workers;
  Names names({});
  for (int i = 0; i < 3; ++i) workers.push_back(std::make_unique<WorkerCounters>(names));
  const std::int64_t now = 100'000'000'000;
  for (const auto& worker : workers) worker->heartbeat = now - kStuckAfter;
  CHECK(health_page(workers, now).status == 200);
  workers[1]->heartbeat = now - kStuckAfter - 1'000'000'000;
  const HttpPage page = health_page(workers, now);
  CHECK(page.status == 503);
  CHECK(page.body == "worker 1: no turn of its loop for 11 s\n");
  WorkerEvents(names, *workers[1], nullptr, nullptr, {}, {}).on_heartbeat();
  CHECK(health_page(workers, steady_nanos()).body.find("worker 1") == std::string::npos);
}

TEST_CASE("promtool has nothing to say about the exposition") {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
    MESSAGE("promtool is not installed; skipped");
    return;
  }
  const testing::TempFolder folder;
  Gateway gateway(some(2, folder.file("audit.jsonl")));
  const Identity who = testing::sensor();
  for (const char* rule : {"plain", "quote\"back\\slash", "line\nbreak", "\xFF", "gr\xC3\xBC"}) {
    gateway.worker().on_refusal({.session = 1, .identity = who}, testing::refusal_by(rule));
    gateway.worker().on_throttle({.session = 1, .identity = who}, Side::client, {rule, true}, 1s);
    gateway.worker().on_handshake({Side::client, rule, "", 1ms, Check::tls_protocol});
    gateway.worker().on_broker_connect(1ms, Check::broker_error, {});
  }
  gateway.worker().on_broker_connect(1ms, std::nullopt, {});
  gateway.observe->set_certificates({{"broker", std::chrono::system_clock::now()}});
  std::ofstream(folder.file("metrics")) << gateway.observe->metrics();
  const std::string command =
      "promtool check metrics <" + folder.file("metrics") + " >" + folder.file("said") + " 2>&1";
  CHECK(std::system(command.c_str()) == 0);
  CHECK(testing::read_all(folder.file("said")) == "");
}

}  // namespace sallyport::observe
