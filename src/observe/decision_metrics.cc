#include "observe/decision_metrics.h"

#include <map>

#include "observe/families.h"
#include "observe/reason_text.h"
#include "observe/worker_counters.h"

namespace sallyport::observe {

namespace {

struct Sums {
  std::uint64_t count = 0;
  std::uint64_t nanos = 0;
};
template <std::size_t kLabels>
using SumsByLabels = std::map<std::array<std::string_view, kLabels>, Sums>;

/// Adds up all series of a kind under labels(SeriesKey).
template <std::size_t kLabels, typename Labels>
SumsByLabels<kLabels> add_up(const Scrape& scrape, SeriesKey::Kind kind, Labels labels) {
  SumsByLabels<kLabels> result;
  for (const auto& worker : scrape.workers) {
    worker->series.for_each([&](const SeriesKey& key, std::uint64_t count, std::uint64_t nanos) {
      if (key.kind != kind) return;
      Sums& sums = result[labels(key)];
      sums.count += count;
      sums.nanos += nanos;
    });
  }
  return result;
}

std::string_view phase_name(std::uint8_t phase) {
  return phase >= SeriesKey::kOtherPhase ? "other" : to_string(static_cast<Phase>(phase));
}

SumsByLabels<4> throttles(const Scrape& scrape) {
  return add_up<4>(scrape, SeriesKey::Kind::throttle, [&](const SeriesKey& key) {
    return std::array{std::string_view(scrape.names.listeners[key.listener]),
                      scrape.names.roles.name(key.role), scrape.names.rules.name(key.name),
                      to_string(key.from)};
  });
}

}  // namespace

void fill_refusals(const Scrape& scrape, FamilyBuilder& family) {
  const auto all = add_up<7>(scrape, SeriesKey::Kind::refusal, [&](const SeriesKey& key) {
    return std::array{std::string_view(scrape.names.listeners[key.listener]),
                      scrape.names.roles.name(key.role),
                      phase_name(key.phase),
                      scrape.names.rules.name(key.name),
                      to_string(key.action),
                      reason_text(key.reason),
                      to_string(key.from)};
  });
  for (const auto& [labels, sums] : all) family.add(labels, static_cast<double>(sums.count));
}

void fill_throttles(const Scrape& scrape, FamilyBuilder& family) {
  for (const auto& [labels, sums] : throttles(scrape)) {
    family.add(labels, static_cast<double>(sums.count));
  }
}

void fill_throttled_seconds(const Scrape& scrape, FamilyBuilder& family) {
  for (const auto& [labels, sums] : throttles(scrape)) {
    family.add(labels, static_cast<double>(sums.nanos) / 1e9);
  }
}

}  // namespace sallyport::observe
