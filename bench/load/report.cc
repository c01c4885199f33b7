#include "bench/load/report.h"

#include <cstdio>

#include <nlohmann/json.hpp>

namespace sallyport::bench {

namespace {

using Json = nlohmann::ordered_json;

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }
double microseconds(Duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

double per_second(std::uint64_t count, Duration time) {
  return time > Duration::zero() ? static_cast<double>(count) / seconds(time) : 0;
}

/// Scripts wait for these lines, so they must not lie in a buffer.
void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}
void say(const Json& line) { say(line.dump()); }

template <typename... Values>
std::string text(const char* format, Values... values) {
  char line[256];
  std::snprintf(line, sizeof(line), format, values...);
  return line;
}

unsigned long long number(std::uint64_t value) { return value; }

std::string latency_text(const Latency& latency) {
  if (latency.count() == 0) return {};
  return text("; acknowledged after %.0f us (median), %.0f us (99%%), %.0f us (longest)",
              microseconds(latency.quantile(0.5)), microseconds(latency.quantile(0.99)),
              microseconds(latency.longest()));
}

Json latency_json(const Latency& latency) {
  return {{"p50_us", microseconds(latency.quantile(0.5))},
          {"p90_us", microseconds(latency.quantile(0.9))},
          {"p99_us", microseconds(latency.quantile(0.99))},
          {"max_us", microseconds(latency.longest())}};
}

}  // namespace

void Reporter::ready(const LoadReport& report) const {
  const std::uint64_t clients = report.publishers + report.subscribers + report.idle;
  if (json_) {
    say(Json{{"event", "ready"},
             {"clients", clients},
             {"tls", report.tls_version},
             {"seconds", seconds(report.connecting)}});
  } else {
    say(text("ready: %llu clients connected in %.2f s", number(clients),
             seconds(report.connecting)) +
        (report.tls_version.empty() ? "" : ", " + std::string(report.tls_version)));
  }
}

void Reporter::end(const LoadReport& report) const {
  const Tally& tally = report.tally;
  if (json_) {
    Json line{{"event", "end"},
              {"ok", report.problem.empty()},
              {"publishers", report.publishers},
              {"subscribers", report.subscribers},
              {"idle", report.idle},
              {"visits", report.visits},
              {"lost_clients", report.lost},
              {"tls", report.tls_version},
              {"connect_seconds", seconds(report.connecting)},
              {"seconds", seconds(report.running)},
              {"published", tally.published},
              {"acknowledged", tally.acknowledged},
              {"refused", tally.refused},
              {"late", tally.late},
              {"received", tally.received},
              {"received_bytes", tally.received_bytes},
              {"published_per_second", per_second(tally.published, report.running)},
              {"received_per_second", per_second(tally.received, report.running)}};
    if (tally.latency.count() != 0) line["acknowledged_after"] = latency_json(tally.latency);
    if (!report.problem.empty()) line["problem"] = report.problem;
    return say(line);
  }
  if (report.visits != 0) {
    say(text("%llu connections, made and ended, in %.2f s: %.0f a second", number(report.visits),
             seconds(report.running), per_second(report.visits, report.running)));
  } else {
    say(text("published %llu (%.0f a second), acknowledged %llu, refused %llu, late %llu, "
             "received %llu (%.0f a second) in %.2f s",
             number(tally.published), per_second(tally.published, report.running),
             number(tally.acknowledged), number(tally.refused), number(tally.late),
             number(tally.received), per_second(tally.received, report.running),
             seconds(report.running)) +
        latency_text(tally.latency));
  }
}

void Reporter::listening(std::string_view host, std::uint16_t port) const {
  if (json_) {
    say(Json{{"event", "listening"}, {"host", host}, {"port", port}});
  } else {
    say("listening on " + std::string(host) + " port " + std::to_string(port));
  }
}

void Reporter::end(const SinkReport& report) const {
  const Tally& tally = report.tally;
  if (json_) {
    return say(Json{{"event", "end"},
                    {"connections", report.connections},
                    {"connects", report.connects},
                    {"subscribes", report.subscribes},
                    {"pings", report.pings},
                    {"malformed", report.malformed},
                    {"received", tally.received},
                    {"received_bytes", tally.received_bytes},
                    {"receive_seconds", seconds(report.receiving)},
                    {"received_per_second", per_second(tally.received, report.receiving)},
                    {"delivered", tally.published},
                    {"acknowledged", tally.acknowledged}});
  }
  say(text(
      "received %llu (%.0f a second), delivered %llu, acknowledged %llu on %llu connections; "
      "%llu CONNECT, %llu SUBSCRIBE, %llu PINGREQ, %llu malformed",
      number(tally.received), per_second(tally.received, report.receiving), number(tally.published),
      number(tally.acknowledged), number(report.connections), number(report.connects),
      number(report.subscribes), number(report.pings), number(report.malformed)));
}

}  // namespace sallyport::bench
