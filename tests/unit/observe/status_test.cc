#include "observe/status.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "http_client.h"
#include "observe/observe.h"
#include "support.h"

namespace sallyport::observe {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::body_of;
using testing::converse;
using testing::get;
using testing::status_of;

const std::string kToken = "a-token-of-20-letters";

struct StatusPage {
  std::unique_ptr<Log> log = testing::quiet_log();
  std::unique_ptr<Observe> observe;

  StatusPage() {
    Options options;
    options.listeners = {"devices"};
    options.address = Address{"127.0.0.1", 0};
    observe = std::move(*Observe::start(options, *log));
  }
  /// Somebody who is refused and has a name that would like to be markup.
  void refuse() const {
    Identity who = testing::sensor();
    who.client_id = "<img src=x onerror=alert(1)>";
    observe->worker(0).on_refusal({.session = 1, .identity = who}, testing::refusal_by("deny-all"));
    observe->worker(0).on_heartbeat();
  }
  [[nodiscard]] std::string ask(const std::string& path, const std::string& more = "") const {
    return converse(observe->port(),
                    "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n");
  }
};

bool shows_who(const std::string& answer) { return answer.find("onerror") != std::string::npos; }

}  // namespace

TEST_CASE("the page comes with a policy that lets nothing else run, and tells nothing by itself") {
  const StatusPage gateway;
  gateway.refuse();
  for (const char* path : {"/", "/status"}) {
    const std::string answer = gateway.ask(path);
    CHECK(status_of(answer) == 200);
    CHECK(answer.find("Content-Type: text/html; charset=utf-8\r\n") != std::string::npos);
    CHECK(answer.find("Content-Security-Policy: default-src 'none'; script-src 'sha256-") !=
          std::string::npos);
    CHECK(answer.find("unsafe-inline") == std::string::npos);
    CHECK(answer.find("frame-ancestors 'none'") != std::string::npos);
    CHECK(body_of(answer).starts_with("<!doctype html>"));
    CHECK_FALSE(shows_who(answer));
    // Nothing from elsewhere, and nothing that makes markup of a text.
    for (const char* no : {"http://", "https://", "innerHTML", "insertAdjacent", "document.write",
                           "eval(", " onclick"}) {
      CHECK(body_of(answer).find(no) == std::string::npos);
    }
  }
}

TEST_CASE("figures as JSON, with names of clients for whom is let in only") {
  const StatusPage gateway;
  gateway.refuse();
  CHECK_FALSE(json::parse(body_of(gateway.ask("/status.json")))["identities"].get<bool>());
  CHECK_FALSE(shows_who(gateway.ask("/status.json")));
  CHECK_FALSE(shows_who(gateway.ask("/metrics")));

  gateway.observe->set_token("");  // this machine may
  const json all = json::parse(body_of(gateway.ask("/status.json")));
  CHECK(all["identities"].get<bool>());
  const json& refused = all["metrics"]["sallyport_refusals_total"];
  REQUIRE(refused.size() == 1);
  CHECK(refused[0][0]["rule"] == "deny-all");
  CHECK(refused[0][1] == 1);
  const json& top = all["metrics"]["sallyport_top_refused_per_second"];
  REQUIRE(top.size() == 1);
  CHECK(top[0][0]["identity"] == "<img src=x onerror=alert(1)>");
  const json& turn = all["metrics"]["sallyport_turn_duration_seconds"][0][1];
  CHECK(turn["le"].size() + 1 == turn["n"].size());
  CHECK(shows_who(gateway.ask("/metrics")));
  CHECK_FALSE(shows_who(
      converse(gateway.observe->port(), "GET /metrics HTTP/1.1\r\nHost: rebound.example\r\n\r\n")));

  gateway.observe->set_token(kToken);
  CHECK_FALSE(shows_who(gateway.ask("/status.json")));
  CHECK_FALSE(shows_who(gateway.ask("/metrics", "Authorization: Bearer wrong\r\n")));
  CHECK(shows_who(gateway.ask("/status.json", "Authorization: Bearer " + kToken + "\r\n")));
  CHECK(shows_who(gateway.ask("/metrics", "authorization: bearer " + kToken + "\r\n")));
}

TEST_CASE("of a family with samples without end the largest are there") {
  prometheus::MetricFamily family;
  family.name = "many";
  family.type = prometheus::MetricType::Gauge;
  for (std::size_t i = 0; i < kMostSamples + 50; ++i) {
    family.metric.emplace_back().gauge.value = static_cast<double>(i);
  }
  const json all = json::parse(status_json({family}, false).body)["metrics"]["many"];
  REQUIRE(all.size() == kMostSamples);
  CHECK(all[0][1] == kMostSamples + 49);
}

}  // namespace sallyport::observe
