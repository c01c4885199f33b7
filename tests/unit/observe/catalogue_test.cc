#include "observe/catalogue.h"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

#include "observe/collector.h"
#include "observe/observe.h"
#include "observe/worker_events.h"
#include "support.h"

namespace sallyport::observe {

namespace {

using namespace std::chrono_literals;

/// A collector of one worker that everything has happened to.
struct Busy {
  testing::TempFolder folder;
  std::unique_ptr<Log> log = testing::quiet_log();
  Names names{{"devices"}};
  std::vector<std::unique_ptr<WorkerCounters>> counters;
  AuditWriter audit{*AuditSink::open(folder.file("audit")), {.target = "audit"}, *log};
  Collector collector{{.version = "1.2.3"}, names, counters, &audit, log.get()};

  Busy() {
    counters.push_back(std::make_unique<WorkerCounters>(names));
    WorkerEvents events(names, *counters[0], nullptr, nullptr, {}, {});
    const Identity who = testing::sensor();
    Seat seat;
    const Who info{.session = 1, .identity = who, .seat = &seat};
    events.on_admitted(info, "sensor");
    events.on_session_begin(info);
    Tally tally;
    tally.packets = {1, 2};
    tally.bytes = {10, 20};
    events.on_moved(info, tally);
    events.on_turn(1ms);
    events.on_broker_refusal(info, mqtt::PacketType::suback, mqtt::ReasonCode::not_authorized);
    events.on_refusal(info, testing::refusal_by("rule"));
    events.on_throttle(info, Side::client, {"rule", true}, 1s);
    events.on_handshake({Side::client, "devices", "", 1ms, Check::tls_protocol});
    events.on_handshake({.side = Side::broker,
                         .listener = "devices",
                         .version = "TLSv1.3",
                         .took = 1ms,
                         .failure = std::nullopt,
                         .chain_end = std::chrono::system_clock::now()});
    events.on_broker_connect(1ms, Check::broker_refused, {});
    events.on_heartbeat();
    collector.change([](ProcessState& state) {
      state.limits = {{"", 10}, {"devices", 5}};
      state.certificates = {{"broker", std::chrono::system_clock::now()}};
      state.authorities = {
          {"listener:devices", "CN=Plant CA", "00ff", std::chrono::system_clock::now()}};
      state.crls = {{"listener:devices", "CN=Plant CA", std::chrono::system_clock::now()}};
    });
  }
};

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

}  // namespace

TEST_CASE("what is exposed is what the catalogue says: families, order, types and labels") {
  const Busy busy;
  const auto families = busy.collector.Collect();
  REQUIRE(families.size() == catalogue().size());
  for (std::size_t i = 0; i < families.size(); ++i) {
    const Metric& metric = catalogue()[i];
    CAPTURE(metric.name);
    CHECK(families[i].name == metric.name);
    CHECK(families[i].help == metric.help);
    CHECK((families[i].type == prometheus::MetricType::Counter) ==
          (metric.kind == Metric::Kind::counter));
    CHECK((families[i].type == prometheus::MetricType::Histogram) ==
          (metric.kind == Metric::Kind::histogram));
    CHECK_FALSE(families[i].metric.empty());
    for (const auto& sample : families[i].metric) {
      REQUIRE(sample.label.size() == metric.labels.size());
      for (std::size_t k = 0; k < sample.label.size(); ++k) {
        CHECK(sample.label[k].name == metric.labels[k]->name);
        CHECK_FALSE(sample.label[k].value.empty());
      }
    }
  }
}

TEST_CASE("two scrapes of the same have the same samples in the same order") {
  const Busy busy;
  const auto first = busy.collector.Collect();
  const auto second = busy.collector.Collect();
  for (std::size_t i = 0; i < first.size(); ++i) {
    REQUIRE(first[i].metric.size() == second[i].metric.size());
    for (std::size_t k = 0; k < first[i].metric.size(); ++k)
      CHECK(first[i].metric[k].label == second[i].metric[k].label);
  }
}

TEST_CASE("names and labels are Prometheus', each name is there once, each value is a word") {
  std::set<std::string_view> seen;
  const Names names({"devices"});
  for (const Metric& metric : catalogue()) {
    CAPTURE(metric.name);
    CHECK(seen.insert(metric.name).second);
    CHECK(is_name(metric.name));
    CHECK(std::string_view(metric.name).ends_with("_total") ==
          (metric.kind == Metric::Kind::counter));
    CHECK(std::string_view(metric.help).ends_with("."));
    CHECK(metric.labels.size() <= 7);
    for (const Label* label : metric.labels) {
      CHECK(is_name(label->name));
      if (label->count == nullptr) {
        CHECK(label->values != nullptr);
        CHECK(std::holds_alternative<Metric::Fill>(metric.source));
        continue;
      }
      for (std::size_t i = 0; i < label->count(names); ++i)
        CHECK(label->value(names, i).find(' ') == std::string_view::npos);
    }
    if (!std::holds_alternative<Metric::Fill>(metric.source))
      CHECK(metric.labels.size() <= Metric::Index{}.size());
  }
}

TEST_CASE("the reference names every metric and every label") {
  const std::string page = reference();
  for (const Metric& metric : catalogue()) {
    CHECK(page.find("| `" + std::string(metric.name) + "` |") != std::string::npos);
    for (const Label* label : metric.labels)
      CHECK(page.find("\n| `" + std::string(label->name) + "` | ") != std::string::npos);
  }
}

}  // namespace sallyport::observe
