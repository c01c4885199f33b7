#include <cstdio>
#include <exception>

#include "bench/load/fleet.h"
#include "bench/load/options.h"
#include "bench/load/sink.h"

int main(int argc, char** argv) {
  using namespace sallyport::bench;
  try {
    int exit_code = 0;
    const auto options = parse_options(argc, argv, exit_code);
    if (!options) return exit_code;
    const Reporter reporter(options->json);
    Workbench bench;
    if (options->sink) {
      Sink sink(bench, *options->sink, reporter);
      reporter.end(sink.run());
      return 0;
    }
    Fleet fleet(bench, *options->fleet, reporter);
    const LoadReport& report = fleet.run();
    reporter.end(report);
    if (report.problem.empty()) return 0;
    std::fprintf(stderr, "sallyport_load: %s\n", report.problem.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sallyport_load: %s\n", error.what());
  }
  return 1;
}
