// What is counted by listener and role, and of whom.
#include <doctest/doctest.h>

#include "observe/observe.h"
#include "support.h"

namespace sallyport::observe {

namespace {

using namespace std::chrono_literals;
using testing::sample;

struct Counting {
  std::unique_ptr<Log> log = testing::quiet_log();
  std::unique_ptr<Observe> observe;
  Identity identity = testing::sensor();
  Seat seat;
  Tally tally;

  explicit Counting(settings::Metrics metrics = {}) {
    Options options;
    options.listeners = {"devices"};
    options.metrics = metrics;
    observe = std::move(*Observe::start(options, *log));
  }
  [[nodiscard]] GatewayEvents& worker() const { return observe->worker(0); }
  [[nodiscard]] Who who() { return {.session = 1, .identity = identity, .seat = &seat}; }
  void moves(std::uint64_t from_client, std::uint64_t from_broker) {
    tally.packets[Side::client] += from_client;
    tally.bytes[Side::client] += 10 * from_client;
    tally.packets[Side::broker] += from_broker;
    tally.bytes[Side::broker] += 10 * from_broker;
    worker().on_moved(who(), tally);
  }
  [[nodiscard]] double of(const std::string& name, const std::string& role,
                          const std::string& more = "") const {
    return sample(observe->metrics(),
                  name + "{listener=\"devices\",role=\"" + role + "\"" + more + "}");
  }
};

}  // namespace

TEST_CASE("sessions and what they move, by role; a reload moves them to another one") {
  Counting counting;
  counting.moves(1, 0);  // CONNECT that nobody has judged yet
  CHECK(counting.of("sallyport_session_packets_total", "none", ",from=\"client\"") == 1);
  counting.worker().on_admitted(counting.who(), "sensor");
  counting.worker().on_session_begin(counting.who());
  counting.moves(3, 2);
  CHECK(counting.of("sallyport_sessions_open", "sensor") == 1);
  CHECK(counting.of("sallyport_session_packets_total", "sensor", ",from=\"client\"") == 3);
  CHECK(counting.of("sallyport_session_bytes_total", "sensor", ",from=\"broker\"") == 20);

  counting.worker().on_admitted(counting.who(), "guest+sensor");
  CHECK(counting.of("sallyport_sessions_open", "sensor") == 0);
  CHECK(counting.of("sallyport_sessions_open", "guest+sensor") == 1);
  counting.moves(1, 0);
  CHECK(counting.of("sallyport_sessions_open", "guest+sensor") == 1);
  CHECK(counting.of("sallyport_session_packets_total", "guest+sensor", ",from=\"client\"") == 1);
  CHECK(counting.of("sallyport_sessions_begun_total", "sensor") == 1);
  // What came since the last heartbeat is told with the end.
  counting.tally.packets[Side::broker] += 1;
  CloseReason why;
  why.tally = counting.tally;
  counting.worker().on_session_end(counting.who(), why, true);
  CHECK(counting.of("sallyport_sessions_open", "guest+sensor") == 0);
  CHECK(counting.of("sallyport_session_packets_total", "guest+sensor", ",from=\"broker\"") == 1);
}

TEST_CASE("refusals and throttles have the role of the session") {
  Counting counting;
  counting.worker().on_admitted(counting.who(), "sensor");
  counting.worker().on_refusal(counting.who(), testing::refusal_by("no-internals"));
  counting.worker().on_throttle(counting.who(), Side::client, {"telemetry", true}, 1s);
  CHECK(
      counting.of("sallyport_refusals_total", "sensor",
                  ",phase=\"open\",rule=\"no-internals\",action=\"drop\",reason=\"not_authorized\","
                  "from=\"client\"") == 1);
  CHECK(counting.of("sallyport_throttles_total", "sensor", ",rule=\"telemetry\",from=\"client\"") ==
        1);
}

TEST_CASE("roles without end, and reloads without end, become other") {
  Counting counting({.max_roles = 3});
  for (int i = 0; i < 10; ++i) {
    counting.seat = {};
    counting.worker().on_admitted(counting.who(), "role-" + std::to_string(i));
    counting.worker().on_session_begin(counting.who());
  }
  CHECK(counting.of("sallyport_sessions_begun_total", "role-2") == 1);
  CHECK(counting.of("sallyport_sessions_begun_total", "role-3") == -1);
  CHECK(counting.of("sallyport_sessions_begun_total", "other") == 7);
}

TEST_CASE("who talks most and who is refused most") {
  Counting counting;
  const auto top = [&](const char* name, const char* kind, const char* identity) {
    return sample(counting.observe->metrics(), std::string("sallyport_top_") + name +
                                                   "_per_second{kind=\"" + kind + "\",identity=\"" +
                                                   identity + "\"}");
  };
  counting.worker().on_admitted(counting.who(), "sensor");
  counting.worker().on_session_begin(counting.who());
  counting.worker().on_heartbeat();
  counting.moves(600, 9);
  counting.moves(600, 9);
  for (int i = 0; i < 60; ++i) {
    counting.worker().on_refusal(counting.who(), testing::refusal_by("no-internals"));
  }
  counting.worker().on_heartbeat();
  CHECK(top("packets", "client_id", "sensor-1") == doctest::Approx(20).epsilon(0.02));
  CHECK(top("refused", "client_id", "sensor-1") == doctest::Approx(1).epsilon(0.02));

  // Before the broker has agreed, a client identifier is what anybody may write.
  Refusal early = testing::refusal_by("policy.no-role", false);
  early.phase = Phase::connect;
  Identity stranger = testing::sensor();
  stranger.certificate = nullptr;
  for (int i = 0; i < 300; ++i) {
    stranger.client_id = "made-up-" + std::to_string(i);
    counting.worker().on_refusal({.session = 2, .identity = stranger}, early);
  }
  counting.worker().on_heartbeat();
  CHECK(top("refused", "address", "192.0.2.7/32") == doctest::Approx(5).epsilon(0.02));
  CHECK(counting.observe->metrics().find("made-up") == std::string::npos);
}

TEST_CASE("what the broker refuses, and how long it takes") {
  Counting counting;
  GatewayEvents& worker = counting.worker();
  worker.on_broker_refusal(counting.who(), mqtt::PacketType::suback,
                           mqtt::ReasonCode::not_authorized);
  worker.on_broker_refusal(counting.who(), mqtt::PacketType::suback,
                           static_cast<mqtt::ReasonCode>(0xF0));
  worker.on_broker_answer(mqtt::PacketType::puback, 3ms);
  worker.on_login(counting.who(), LoginAnswer::refused, 10ms);
  worker.on_dials(3, 4);
  worker.on_wire_bytes({.received = {}, .sent = {}, .queued = {0, 700}});
  worker.on_wire_bytes({.received = {}, .sent = {}, .queued = {0, -200}});
  worker.on_turn(20us);
  const std::string text = counting.observe->metrics();
  const std::string refused = "sallyport_broker_refusals_total{packet=\"SUBACK\",reason=\"";
  CHECK(sample(text, refused + "not_authorized\"}") == 1);
  CHECK(sample(text, refused + "unspecified_error\"}") == 1);
  CHECK(sample(text, "sallyport_broker_answer_duration_seconds_count{packet=\"PUBACK\"}") == 1);
  CHECK(sample(text, "sallyport_login_duration_seconds_count{result=\"refused\"}") == 1);
  CHECK(sample(text, "sallyport_broker_dials_running") == 3);
  CHECK(sample(text, "sallyport_broker_dials_waiting") == 4);
  CHECK(sample(text, "sallyport_queued_bytes{side=\"broker\"}") == 500);
  CHECK(sample(text, "sallyport_turn_duration_seconds_bucket{le=\"1e-05\"}") == 0);
  CHECK(sample(text, "sallyport_turn_duration_seconds_bucket{le=\"2.5e-05\"}") == 1);
}

}  // namespace sallyport::observe
