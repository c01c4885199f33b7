// deploy/metrics.md, out of the catalogue.
#include <set>
#include <string_view>

#include "observe/catalogue.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

namespace {

constexpr std::string_view kHead = R"(# Metrics

What `/metrics` of the `[observe] address` shows. This page is what `sallyport metrics` prints.

Every refusal, in any phase of a connection and with or without a session, is counted by
`sallyport_refusals_total` under the name of its rule or check; connections over a bound of their
listener are there as `connection.max` and `connection.max-per-address` with phase `accept` (there
is no `sallyport_connections_rejected_total` any more). But for the two metrics with the label
`identity`, no label holds what a client says of itself: no client identifier, username, topic,
address, or name out of its certificate. Those two are shown to whoever brings the token of
`[observe] token`, or where there is none, to whoever comes from the same machine.

| name | type | labels | meaning |
| --- | --- | --- | --- |
)";

constexpr std::string_view kLabelsHead = R"(
## Labels

| label | of | values |
| --- | --- | --- |
)";

std::string_view word(Metric::Kind kind) {
  switch (kind) {
    case Metric::Kind::counter:
      return "counter";
    case Metric::Kind::gauge:
      return "gauge";
    case Metric::Kind::histogram:
      return "histogram";
  }
  return "";
}

/// A list of what a label can say, for the table.
std::string values_of(const Label& label) {
  if (label.values != nullptr) return label.values;
  const Names names({});  // only listeners depend on it, and those have words
  std::string text;
  for (std::size_t i = 0; i < label.count(names); ++i) {
    if (i != 0) text += ", ";
    text += "`" + std::string(label.value(names, i)) + "`";
  }
  return text;
}

std::string metric_row(const Metric& metric) {
  std::string row =
      "| `" + std::string(metric.name) + "` | " + std::string(word(metric.kind)) + " |";
  for (const Label* label : metric.labels) {
    row += label == metric.labels.front() ? " `" : ", `";
    row += std::string(label->name) + "`";
  }
  row += std::string(" | ") + metric.help;
  if (*metric.advice != '\0') row += std::string(" ") + metric.advice;
  return row + " |\n";
}

/// The metrics that have a label.
std::string users_of(const Label* wanted) {
  std::string text;
  for (const Metric& metric : catalogue()) {
    for (const Label* label : metric.labels) {
      if (label != wanted) continue;
      text += text.empty() ? "`" : ", `";
      text += std::string(metric.name) + "`";
    }
  }
  return text;
}

}  // namespace

std::string reference() {
  std::string page(kHead);
  for (const Metric& metric : catalogue()) page += metric_row(metric);
  page += kLabelsHead;
  std::set<const Label*> seen;
  for (const Metric& metric : catalogue()) {
    for (const Label* label : metric.labels) {
      if (!seen.insert(label).second) continue;
      page += "| `" + std::string(label->name) + "` | " + users_of(label) + " | " +
              values_of(*label) + " |\n";
    }
  }
  return page;
}

}  // namespace sallyport::observe
