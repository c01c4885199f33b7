// Nobody hides another in the audit log, and what is left out is counted.
#include <set>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "observe/observe.h"
#include "support.h"

namespace sallyport::observe {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

/// One worker with an audit log of its own.
struct Audited {
  testing::TempFolder folder;
  std::string path = folder.file("audit.jsonl");
  std::unique_ptr<Log> log = testing::quiet_log();
  std::unique_ptr<Observe> observe;

  explicit Audited(Options options = {}) {
    options.listeners = {"devices"};
    options.audit_log = path;
    observe = std::move(*Observe::start(options, *log));
  }
  GatewayEvents& worker() { return observe->worker(0); }
  /// All lines; ends the log.
  std::vector<Json> lines() {
    observe->workers_ended();
    observe->stop();
    std::vector<Json> result;
    for (const std::string& line : testing::lines_of(testing::read_all(path)))
      result.push_back(Json::parse(line));
    return result;
  }
};

Identity user(const std::string& name, const std::string& client_id) {
  Identity who = testing::sensor();
  who.certificate = nullptr;
  who.username = name;
  who.client_id = client_id;
  return who;
}

Refusal no_rule(std::string_view topic, Action action = Action::drop) {
  Refusal refusal = testing::refusal_by("policy.no-rule", false);
  refusal.topic = topic;
  refusal.action = action;
  return refusal;
}

}  // namespace

TEST_CASE("one client's refusals hide none of another's behind the same address") {
  Audited audited;
  const Identity noisy = user("noisy", "n");
  const Identity quiet = user("quiet", "q");
  for (int i = 0; i < 20; ++i) {
    for (int k = 0; k < 2000; ++k)
      audited.worker().on_refusal({.session = 1, .identity = noisy}, no_rule("noise"));
    audited.worker().on_refusal({.session = 2, .identity = quiet},
                                no_rule("safety/valve/" + std::to_string(i)));
  }
  std::set<std::string> topics;
  std::uint64_t noise = 0;
  for (const Json& line : audited.lines()) {
    if (line["event"] == "refusal") topics.insert(line["topic"].get<std::string>());
    if (line["client_id"] == "n")
      noise += line["event"] == "refusal" ? 1 : line["count"].get<std::uint64_t>();
  }
  CHECK(topics.size() == 21);
  CHECK(noise == 40'000);
}

TEST_CASE("report mode loses no refusal without a word") {
  Audited audited;
  const Identity who = testing::sensor();
  for (int i = 0; i < 500; ++i)
    audited.worker().on_refusal({.session = 1, .identity = who},
                                no_rule("other/" + std::to_string(i), Action::report));
  std::uint64_t told = 0;
  bool more = false;
  for (const Json& line : audited.lines()) {
    CHECK(line["action"] == "report");
    if (line["event"] == "refusal") {
      ++told;
    } else {
      CHECK(line["check"] == "policy.no-rule");
      CHECK(line["client_id"] == "sensor-1");
      told += line["count"].get<std::uint64_t>();
      more = more || line["more"].get<bool>();
    }
  }
  CHECK(told == 500);
  CHECK(more);
}

TEST_CASE("sums are written while the worker goes on, and more of them than fit") {
  Options options;
  options.audit_limits.burst = 1;
  options.audit_limits.per_second = 1;
  options.audit_limits.crowd = 10'000;
  options.audit_limits.interval = 0s;
  Audited audited(options);
  constexpr int kClients = 3000;  // RepeatSums::kMaxSums is less
  for (int i = 0; i < kClients; ++i) {
    const Identity who = user("u", std::to_string(i));
    for (int k = 0; k < 3; ++k)
      audited.worker().on_refusal({.session = 1, .identity = who}, no_rule("t"));
  }
  audited.worker().on_heartbeat();
  REQUIRE(testing::eventually([&] {
    return testing::sample(audited.observe->metrics(), "sallyport_audit_lines_written_total") >=
           2 * kClients;
  }));
  std::uint64_t told = 0;
  for (const Json& line : audited.lines())
    told += line["event"] == "refusal" ? 1 : line["count"].get<std::uint64_t>();
  CHECK(told == 3 * kClients);
}

TEST_CASE("a sum that finds the queue full is lost with all that it counts") {
  Options options;
  options.audit_queue = 1;
  options.audit_limits.burst = 1;
  Audited audited(options);
  const Identity who = testing::sensor();
  constexpr int kAll = 1000;
  for (int i = 0; i < kAll; ++i)
    audited.worker().on_refusal({.session = 1, .identity = who}, no_rule("t"));
  for (int i = 0; i < 50; ++i) {
    const Identity other = user("u", std::to_string(i));
    audited.worker().on_refusal({.session = 1, .identity = other}, no_rule("t"));
  }
  std::uint64_t told = 0;
  for (const Json& line : audited.lines()) {
    told += line["event"] == "refusal"    ? 1
            : line["event"] == "repeated" ? line["count"].get<std::uint64_t>()
                                          : line["lines"].get<std::uint64_t>();
  }
  CHECK(told == kAll + 50);
}

TEST_CASE("throttling has a begin and an end, and nothing in between") {
  Audited audited;
  const Identity who = testing::sensor();
  const Who info{.session = 7, .identity = who, .version = mqtt::Version::v5};
  audited.worker().on_session_begin(info);
  for (int i = 0; i < 300; ++i)
    audited.worker().on_throttle(info, Side::client, {"device.limits", true}, 10ms);
  audited.worker().on_throttle(info, Side::client, {"telemetry", true}, 1s);
  audited.worker().on_session_end(info, {Side::client, CloseKind::closed, {}}, true);
  const std::vector<Json> lines = audited.lines();
  REQUIRE(lines.size() == 6);
  CHECK(lines[1]["event"] == "throttle_begin");
  CHECK(lines[1]["rule"] == "device.limits");
  CHECK(lines[1]["client_id"] == "sensor-1");
  CHECK(lines[2]["event"] == "throttle_begin");
  CHECK(lines[2]["rule"] == "telemetry");
  CHECK(lines[3]["event"] == "throttle_end");
  CHECK(lines[3]["rule"] == "device.limits");
  CHECK(lines[3]["session"] == 7);
  CHECK(lines[3]["count"] == 300);
  CHECK(lines[3]["throttled_seconds"] == 3.0);
  CHECK(lines[4]["count"] == 1);
  CHECK(lines[5]["event"] == "session_end");
}

}  // namespace sallyport::observe
