#include <cstdio>
#include <exception>
#include <optional>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "observe/blocked_signals.h"

namespace {

constexpr const char* kAbout =
    "Sallyport: a transparent MQTT security gateway. It stands in front of a broker, ends the\n"
    "devices' TLS, reads every MQTT packet in both directions, forwards the bytes that the policy\n"
    "allows, and answers the rest the way the protocol says.";

constexpr const char* kFooter = R"(
Examples:
  sallyport check -c gateway.toml     say everything that is wrong with the configuration
  sallyport run -c gateway.toml       serve until SIGTERM
  kill -HUP $(pidof sallyport)        reload policies, certificates and limits

Signals (run):
  SIGHUP            reads all files again. Live sessions go on under the new policy; with an error
                    anywhere the old configuration stays in force as a whole.
  SIGUSR1           opens the audit log's file again, for logrotate.
  SIGTERM, SIGINT,  is not ready any more, says goodbye to every session and ends, as [drain] says;
  SIGQUIT           a second one ends at once.
  all others        mean nothing to it. What comes while it starts is answered once it has started.

Exit codes:
  0   check: the configuration is good; run: ended by a signal
  1   the configuration has errors, or something it needs cannot be had (a port, a file)
  2   the command line is not understood
)";

}  // namespace

int main(int argc, char** argv) {
  namespace cli = sallyport::cli;
  // First of all, so that what is sent while the gateway starts waits until it can be answered.
  std::optional<sallyport::observe::BlockedSignals> blocked(std::in_place);
  CLI::App app{kAbout, "sallyport"};
  app.footer(kFooter);
  app.set_version_flag("--version", cli::version_text(), "Print the versions and exit");

  cli::Chosen chosen;
  cli::add_commands(app, chosen);

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
