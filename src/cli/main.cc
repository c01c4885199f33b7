#include <cstdio>
#include <exception>
#include <optional>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "observe/blocked_signals.h"

int main(int argc, char** argv) {
  namespace cli = sallyport::cli;
  // First of all, so that what is sent while the gateway starts waits until it can be answered.
  std::optional<sallyport::observe::BlockedSignals> blocked(std::in_place);
  CLI::App app;
  cli::Chosen chosen;
  cli::describe(app, chosen);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? cli::kSuccess : cli::kWrongUsage;
  }
  if (!chosen.run) {
    std::fputs(app.help().c_str(), stderr);
    return cli::kWrongUsage;
  }
  try {
    if (chosen.serves) {
      blocked->keep();
    } else {
      blocked.reset();
    }
    return chosen.run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sallyport: %s\n", error.what());
    return cli::kFailure;
  }
}
