#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fnmatch.h>
#include <nlohmann/json.hpp>

#include "bench/micro/case.h"
#include "bench/micro/measure.h"

namespace {

using sallyport::bench::CaseSpec;

constexpr const char* kAbout =
    "Measures the core of Sallyport without sockets and TLS: framer, decoder, topics, verdicts "
    "and\n"
    "whole sessions. Time depends on the machine and on what else it does; allocations do not, "
    "and\n"
    "neither do instructions, which bench/instructions.py counts with --count.";

struct Options {
  std::vector<std::string> patterns;
  unsigned rounds = 7;
  bool list = false;
  bool allocations = false;
  bool memory = false;
  bool json = false;
  std::vector<std::string> count;  // a case and how often
};

std::vector<CaseSpec> chosen(const Options& options) {
  std::vector<CaseSpec> cases;
  for (CaseSpec& spec : sallyport::bench::all_cases()) {
    bool wanted = options.patterns.empty();
    for (const std::string& pattern : options.patterns) {
      wanted = wanted || fnmatch(pattern.c_str(), spec.name.c_str(), 0) == 0;
    }
    if (wanted) cases.push_back(std::move(spec));
  }
  if (cases.empty()) throw std::runtime_error("no case is called that; --list names them");
  return cases;
}

void print_json(const nlohmann::json& value) { std::printf("%s\n", value.dump().c_str()); }

void list(const Options& options) {
  for (const CaseSpec& spec : chosen(options)) {
    if (options.json) {
      print_json({{"case", spec.name},
                  {"operation", spec.operation},
                  {"bytes", spec.bytes},
                  {"together", spec.together}});
    } else {
      std::printf("%-28s %s\n", spec.name.c_str(), spec.operation.c_str());
    }
  }
}

/// Runs so many steps of one case and says nothing: for instruments that count.
void count(const Options& options) {
  std::size_t used = 0;
  std::uint64_t steps = 0;
  try {
    steps = std::stoull(options.count[1], &used);
  } catch (const std::logic_error&) {
    used = 0;
  }
  if (used == 0 || used != options.count[1].size() || options.count[1].starts_with('-')) {
    throw std::runtime_error("--count: \"" + options.count[1] + "\" is not a number");
  }
  for (const CaseSpec& spec : sallyport::bench::all_cases()) {
    if (spec.name != options.count[0]) continue;
    spec.make(spec.parameter)->run(steps);
    return;
  }
  throw std::runtime_error("--count: no case is called \"" + options.count[0] +
                           "\"; --list names them");
}

void count_allocations(const Options& options) {
  for (const CaseSpec& spec : chosen(options)) {
    const double allocations = sallyport::bench::measure_allocations(spec);
    if (options.json) {
      print_json({{"case", spec.name}, {"allocations", allocations}});
    } else {
      std::printf("%-28s %8.3f allocations  %s\n", spec.name.c_str(), allocations,
                  spec.operation.c_str());
    }
  }
}

void print_memory(const Options& options) {
  for (const auto& footprint : sallyport::bench::measure_memory()) {
    if (options.json) {
      print_json({{"memory", footprint.name}, {"bytes", footprint.bytes}});
    } else {
      std::printf("%-28s %10lld bytes  %s\n", footprint.name.c_str(),
                  static_cast<long long>(footprint.bytes), footprint.what.c_str());
    }
  }
}

void print_times(const Options& options) {
  const auto cases = chosen(options);
  const auto timings = sallyport::bench::measure_time(cases, options.rounds);
  if (!options.json) {
    std::printf("%-28s %12s %8s %10s %8s\n", "case", "ns", "spread", "yardsticks", "GB/s");
  }
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& timing = timings[i];
    const double speed = static_cast<double>(cases[i].bytes) / timing.nanoseconds;
    if (options.json) {
      nlohmann::json line = {{"case", cases[i].name},
                             {"ns", timing.nanoseconds},
                             {"spread", timing.spread},
                             {"yardsticks", timing.yardsticks}};
      if (cases[i].bytes != 0) line["gb_per_s"] = speed;
      print_json(line);
    } else {
      std::printf("%-28s %12.1f %7.0f%% %10.4f", cases[i].name.c_str(), timing.nanoseconds,
                  timing.spread * 100, timing.yardsticks);
      std::printf(cases[i].bytes == 0 ? "\n" : " %8.2f\n", speed);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{kAbout, "sallyport_micro"};
  Options options;
  app.add_option("case", options.patterns,
                 "Cases, as names or globs (\"verdict/*\"); default: all");
  app.add_option("--rounds", options.rounds, "Rounds of the measurement of time")
      ->check(CLI::Range(1U, 1000U))
      ->capture_default_str();
  auto* const list_flag = app.add_flag("--list", options.list, "Name the cases");
  auto* const allocation_flag = app.add_flag("--allocations", options.allocations,
                                             "Count allocations per operation instead of time");
  auto* const memory_flag =
      app.add_flag("--memory", options.memory, "Say what an idle session and a policy occupy");
  auto* const count_option = app.add_option("--count", options.count,
                                            "Run so many steps of one case and exit: for callgrind")
                                 ->expected(2)
                                 ->type_name("CASE N");
  list_flag->excludes(allocation_flag)->excludes(memory_flag)->excludes(count_option);
  allocation_flag->excludes(memory_flag)->excludes(count_option);
  memory_flag->excludes(count_option);
  app.add_flag("--json", options.json, "One JSON object a line");
  CLI11_PARSE(app, argc, argv);

  try {
    if (options.list) {
      list(options);
    } else if (!options.count.empty()) {
      count(options);
    } else if (options.allocations) {
      count_allocations(options);
    } else if (options.memory) {
      print_memory(options);
    } else {
      print_times(options);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sallyport_micro: %s\n", error.what());
    return 1;
  }
  return 0;
}
