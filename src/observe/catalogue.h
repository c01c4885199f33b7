#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sallyport/build_info.h"

#include "observe/counters.h"

/// Every metric, once: what the collector exposes, what deploy/metrics.md says and what the tests
/// hold both to.
namespace sallyport::observe {

class AuditWriter;
class FamilyBuilder;
class Log;
struct Names;
struct ProcessFigures;
struct ProcessState;
struct WorkerCounters;

/// All that a scrape looks at.
struct Scrape {
  const Names& names;
  std::span<const std::unique_ptr<WorkerCounters>> workers;
  const ProcessState& state;
  const ProcessFigures& process;
  const AuditWriter* audit;  // null: there is no audit log
  const Log* log;            // null: there is no operator's log
  const BuildInfo& build;
};

/// A label and the values that it can have. Where they are known beforehand, `count` and `value`
/// list them; where not, `values` says in words what bounds them.
struct Label {
  const char* name;
  std::size_t (*count)(const Names&) = nullptr;
  std::string_view (*value)(const Names&, std::size_t index) = nullptr;
  /// So many of the last values have a sample only where that is not 0.
  std::size_t rare = 0;
  const char* values = nullptr;
};

/// One family: a row of the catalogue. A number of every worker needs no more than its row, which
/// says where it stands; the collector adds the workers up.
struct Metric {
  enum class Kind : std::uint8_t { counter, gauge, histogram };
  /// The index of a value of each label, in order.
  using Index = std::array<std::size_t, 4>;
  using Number = std::uint64_t (*)(const WorkerCounters&, const Index&);
  using Times = const LatencyHistogram& (*)(const WorkerCounters&, const Index&);
  /// Adds the samples itself.
  using Fill = void (*)(const Scrape&, FamilyBuilder&);

  const char* name;
  Kind kind;
  std::span<const Label* const> labels;
  std::variant<Number, Times, Fill> source;
  const char* help;
  const char* advice;  // what to do with it; empty: nothing beyond `help`
};

/// In the order in which /metrics has them. Static storage.
[[nodiscard]] std::span<const Metric> catalogue();

/// Does it have a label that names a client?
[[nodiscard]] bool names_clients(const Metric& metric);

/// deploy/metrics.md: what `sallyport metrics` prints.
[[nodiscard]] std::string reference();

}  // namespace sallyport::observe
