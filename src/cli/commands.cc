#include "cli/commands.h"

#include <array>
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <uv.h>

#include "app/commands.h"
#include "cli/ask.h"
#include "cli/check.h"
#include "cli/exit_code.h"
#include "cli/run.h"
#include "observe/catalogue.h"
#include "tls/context.h"

namespace sallyport::cli {

namespace {

/// The option that every command which reads the gateway's configuration has.
std::shared_ptr<const std::string> add_config(CLI::App& app) {
  auto path = std::make_shared<std::string>("gateway.toml");
  app.add_option("-c,--config", *path, "The gateway's configuration file")
      ->capture_default_str()
      ->type_name("FILE");
  return path;
}

std::function<int()> add_run(CLI::App& app) {
  return [path = add_config(app)] { return run(*path, SALLYPORT_VERSION); };
}

std::function<int()> add_check(CLI::App& app) {
  return [path = add_config(app)] { return check(*path, stdout, stderr); };
}

std::function<int()> add_metrics(CLI::App&) {
  return [] {
    const std::string page = observe::reference();
    return std::fwrite(page.data(), 1, page.size(), stdout) == page.size() ? kSuccess : kFailure;
  };
}

struct Command {
  const char* name;
  const char* help;
  /// Adds the command's own options to `app`, and returns what runs it once they have been parsed.
  /// That returns the exit code (cli/exit_code.h), and may throw std::exception.
  std::function<int()> (*add)(CLI::App& app);
  bool serves = false;
};

/// In the order in which `--help` lists them.
constexpr auto kCommands = std::to_array<Command>({
    {"run", "Serve: listen, decide and relay", add_run, true},
    {"check", "Read all files as `run` would, and say what is wrong with them", add_check},
    {"metrics", "Print the reference of all metrics (deploy/metrics.md)", add_metrics},
});

}  // namespace

void add_commands(CLI::App& app, Chosen& chosen) {
  const auto add = [&](const char* name, const char* help, auto options, bool serves) {
    CLI::App* sub = app.add_subcommand(name, help);
    sub->footer(app.get_footer());
    sub->callback([&chosen, serves, run = options(*sub)] { chosen = {run, serves}; });
  };
  for (const Command& command : kCommands) {
    add(command.name, command.help, command.add, command.serves);
  }
  for (const app::AdminCommand& command : app::admin_commands()) {
    const auto options = [&command](CLI::App& sub) { return add_admin_command(sub, command); };
    add(command.name, command.help, options, false);
  }
}

std::string version_text() {
  return std::string("sallyport ") + SALLYPORT_VERSION + "\nBoringSSL API version " +
         std::to_string(tls::kLibraryApiVersion) + "\nlibuv " + uv_version_string();
}

}  // namespace sallyport::cli
