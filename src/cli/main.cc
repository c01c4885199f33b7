#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/exit_code.h"

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
  SIGTERM, SIGINT   accepts no more, says goodbye to every session and ends within drain_timeout;
                    a second one ends at once.

Exit codes:
  0   check: the configuration is good; run: ended by a signal
  1   the configuration has errors, or something it needs cannot be had (a port, a file)
  2   the command line is not understood
)";

}  // namespace

int main(int argc, char** argv) {
  using namespace sallyport;
  CLI::App app{kAbout, "sallyport"};
  app.footer(kFooter);
  app.set_version_flag("--version", cli::version_text(), "Print the versions and exit");

  std::function<int()> chosen;
  cli::add_commands(app, chosen);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? cli::kSuccess : cli::kWrongUsage;
  }
  if (!chosen) {
    std::fputs(app.help().c_str(), stderr);
    return cli::kWrongUsage;
  }
  try {
    return chosen();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sallyport: %s\n", error.what());
    return cli::kFailure;
  }
}
