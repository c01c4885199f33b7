#include "observe/collector.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "observe/families.h"
#include "observe/process_metrics.h"
#include "observe/reason_text.h"

namespace sallyport::observe {

namespace {

using prometheus::MetricType;

constexpr std::array<Side, kSides> kBothSides = {Side::client, Side::broker};
constexpr std::array<std::string_view, 2> kResults = {"failed", "ok"};  // [ok]

constexpr std::size_t index_of(Side side) { return static_cast<std::size_t>(side); }

double to_seconds(std::uint64_t nanos) { return static_cast<double>(nanos) / 1e9; }

}  // namespace

template <typename Pick>
void Collector::add_histogram(prometheus::ClientMetric& metric, Pick pick) const {
  std::array<std::uint64_t, LatencyHistogram::kBuckets> buckets{};
  std::uint64_t nanos = 0;
  for (const auto& worker : workers_) {
    const LatencyHistogram& one = pick(*worker);
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += one.bucket(i);
    nanos += one.sum_nanos();
  }
  // The count is made of the buckets, so that the two agree whatever is written meanwhile.
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    cumulative += buckets[i];
    const double bound =
        i < kLatencyBounds.size() ? kLatencyBounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = to_seconds(nanos);
}

std::vector<prometheus::MetricFamily> Collector::Collect() const {
  Families out;
  add_connections(out);
  add_handshakes(out);
  add_packets(out);
  add_decisions(out);
  add_sessions(out);
  add_broker(out);
  add_process_state(out);
  add_audit(out);
  add_process_metrics(out);
  return out;
}

void Collector::add_connections(Families& out) const {
  auto accepted =
      counter("sallyport_connections_accepted_total", "Connections that a listener accepted.");
  auto open = gauge("sallyport_connections_open", "Client connections that are open now.");
  for (std::size_t i = 0; i < names_.listeners.size(); ++i) {
    const std::string_view name = names_.listeners[i];
    const double n = sum([&](const WorkerCounters& w) { return w.listeners[i].accepted.value(); });
    const bool is_other = i + 1 == names_.listeners.size();
    if (is_other && n == 0) continue;
    accepted.add({{"listener", name}}, n);
    open.add({{"listener", name}},
             sum([&](const WorkerCounters& w) { return w.listeners[i].open.value(); }));
  }
  out.push_back(accepted.take());
  out.push_back(open.take());
}

void Collector::add_handshakes(Families& out) const {
  auto handshakes = counter("sallyport_tls_handshakes_total",
                            "TLS handshakes that ended, by side, result and protocol version.");
  auto failures = counter("sallyport_tls_handshake_failures_total",
                          "TLS handshakes that failed, by side and reason.");
  FamilyBuilder took("sallyport_tls_handshake_duration_seconds",
                     "Time that successful TLS handshakes took.", MetricType::Histogram);
  for (const Side side : kBothSides) {
    const std::size_t s = index_of(side);
    for (std::size_t ok = 0; ok < 2; ++ok) {
      for (std::size_t v = 0; v < kTlsVersions.size(); ++v) {
        const double n =
            sum([&](const WorkerCounters& w) { return w.sides[s].handshakes[ok][v].value(); });
        if (n == 0 && v >= 2) continue;
        handshakes.add(
            {{"side", to_string(side)}, {"result", kResults[ok]}, {"version", kTlsVersions[v]}}, n);
      }
    }
    for (std::size_t i = 0; i < kChecks; ++i) {
      const double n =
          sum([&](const WorkerCounters& w) { return w.sides[s].handshake_failures[i].value(); });
      if (n == 0) continue;
      failures.add({{"side", to_string(side)}, {"reason", to_string(static_cast<Check>(i))}}, n);
    }
    add_histogram(took.labelled({{"side", to_string(side)}}),
                  [&](const WorkerCounters& w) -> const LatencyHistogram& {
                    return w.sides[s].handshake_took;
                  });
  }
  out.push_back(handshakes.take());
  out.push_back(failures.take());
  out.push_back(took.take());
}

void Collector::add_packets(Families& out) const {
  auto packets = counter("sallyport_packets_total",
                         "MQTT control packets that were read, by sender and type.");
  auto packet_bytes =
      counter("sallyport_packet_bytes_total", "Bytes of the MQTT control packets that were read.");
  auto wire = counter("sallyport_wire_bytes_total",
                      "Bytes on the wire, TLS included, as seen from the gateway.");
  auto pauses = counter("sallyport_backpressure_pauses_total",
                        "Times that reading stopped because the other side was slow.");
  for (const Side side : kBothSides) {
    const std::size_t s = index_of(side);
    const std::string_view name = to_string(side);
    for (std::size_t type = 1; type < kPacketTypes; ++type) {
      const std::string_view type_name = to_string(static_cast<mqtt::PacketType>(type));
      packets.add({{"from", name}, {"type", type_name}},
                  sum([&](const WorkerCounters& w) { return w.sides[s].packets[type].value(); }));
      packet_bytes.add({{"from", name}, {"type", type_name}}, sum([&](const WorkerCounters& w) {
                         return w.sides[s].packet_bytes[type].value();
                       }));
    }
    wire.add({{"side", name}, {"direction", "received"}},
             sum([&](const WorkerCounters& w) { return w.sides[s].wire_received.value(); }));
    wire.add({{"side", name}, {"direction", "sent"}},
             sum([&](const WorkerCounters& w) { return w.sides[s].wire_sent.value(); }));
    pauses.add({{"slow", name}}, sum([&](const WorkerCounters& w) {
                 return w.sides[s].backpressure_pauses.value();
               }));
  }
  out.push_back(packets.take());
  out.push_back(packet_bytes.take());
  out.push_back(wire.take());
  out.push_back(pauses.take());
}

void Collector::add_decisions(Families& out) const {
  struct Sums {
    std::uint64_t count = 0;
    std::uint64_t nanos = 0;
  };
  // Sorted by labels: the same order in every scrape.
  std::map<std::tuple<std::string_view, std::string_view, std::string_view, std::string_view>, Sums>
      refused;
  std::map<std::pair<std::string_view, std::string_view>, Sums> throttled;
  for (const auto& worker : workers_) {
    worker->series.for_each([&](const SeriesKey& key, std::uint64_t count, std::uint64_t nanos) {
      const std::string_view rule = names_.rules.name(key.name);
      Sums& sums =
          key.kind == SeriesKey::Kind::refusal
              ? refused[{rule, to_string(key.action), reason_text(key.reason), to_string(key.from)}]
              : throttled[{rule, to_string(key.from)}];
      sums.count += count;
      sums.nanos += nanos;
    });
  }
  auto refusals = counter("sallyport_refusals_total",
                          "Packets or parts of packets that a rule or check refused (action "
                          "report: would have refused).");
  for (const auto& [labels, sums] : refused) {
    const auto& [rule, action, reason, from] = labels;
    refusals.add({{"rule", rule}, {"action", action}, {"reason", reason}, {"from", from}},
                 static_cast<double>(sums.count));
  }
  auto throttles =
      counter("sallyport_throttles_total", "Times that reading stopped because of a limit.");
  auto seconds = counter("sallyport_throttled_seconds_total",
                         "Time for which reading was to stop because of a limit.");
  for (const auto& [labels, sums] : throttled) {
    throttles.add({{"rule", labels.first}, {"from", labels.second}},
                  static_cast<double>(sums.count));
    seconds.add({{"rule", labels.first}, {"from", labels.second}}, to_seconds(sums.nanos));
  }
  auto rewrites = counter("sallyport_rewrites_total",
                          "Packets that were passed on changed, by what was changed.");
  for (std::size_t i = 0; i < kRewrites; ++i)
    rewrites.add({{"what", to_string(static_cast<Rewrite>(i))}},
                 sum([&](const WorkerCounters& w) { return w.rewrites[i].value(); }));
  out.push_back(refusals.take());
  out.push_back(throttles.take());
  out.push_back(seconds.take());
  out.push_back(rewrites.take());
}

void Collector::add_sessions(Families& out) const {
  auto begun =
      counter("sallyport_sessions_begun_total", "Sessions whose CONNECT the broker accepted.");
  begun.add({}, sum([](const WorkerCounters& w) { return w.sessions_begun.value(); }));
  auto open = gauge("sallyport_sessions_open", "Sessions that have begun and not ended.");
  open.add({}, sum([](const WorkerCounters& w) { return w.sessions_open.value(); }));
  auto ended = counter("sallyport_sessions_ended_total",
                       "Ends of sessions, by whose doing, kind, and whether the broker had "
                       "accepted the CONNECT.");
  for (const Side side : kBothSides) {
    for (std::size_t b = 0; b < 2; ++b) {
      for (std::size_t kind = 0; kind < kCloseKinds; ++kind) {
        const double n = sum([&](const WorkerCounters& w) {
          return w.sides[index_of(side)].sessions_ended[b][kind].value();
        });
        ended.add({{"side", to_string(side)},
                   {"kind", to_string(static_cast<CloseKind>(kind))},
                   {"begun", b == 1 ? "true" : "false"}},
                  n);
      }
    }
  }
  out.push_back(begun.take());
  out.push_back(open.take());
  out.push_back(ended.take());
}

std::optional<bool> Collector::last_broker_connect() const {
  std::uint64_t newest = 0;
  for (const auto& worker : workers_)
    newest = std::max(newest, worker->last_broker_connect.load(std::memory_order_relaxed));
  if (newest == 0) return std::nullopt;
  return (newest & 1) != 0;
}

void Collector::add_broker(Families& out) const {
  auto connects =
      counter("sallyport_broker_connects_total", "Attempts to connect to the broker, by result.");
  for (std::size_t ok = 0; ok < 2; ++ok)
    connects.add({{"result", kResults[ok]}},
                 sum([&](const WorkerCounters& w) { return w.broker_connects[ok].value(); }));
  auto failures = counter("sallyport_broker_connect_failures_total",
                          "Attempts to connect to the broker that failed, by reason.");
  for (std::size_t i = 0; i < kChecks; ++i) {
    const double n = sum([&](const WorkerCounters& w) { return w.broker_failures[i].value(); });
    if (n != 0) failures.add({{"reason", to_string(static_cast<Check>(i))}}, n);
  }
  FamilyBuilder took("sallyport_broker_connect_duration_seconds",
                     "Time that successful connects to the broker took, TLS included.",
                     MetricType::Histogram);
  add_histogram(took.labelled({}), [](const WorkerCounters& w) -> const LatencyHistogram& {
    return w.broker_connect_took;
  });
  out.push_back(connects.take());
  out.push_back(failures.take());
  out.push_back(took.take());
  if (const auto last = last_broker_connect()) {
    auto up = gauge("sallyport_broker_last_connect_success",
                    "Whether the newest attempt to connect to the broker succeeded.");
    up.add({}, *last ? 1 : 0);
    out.push_back(up.take());
  }
}

}  // namespace sallyport::observe
