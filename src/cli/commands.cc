#include "cli/commands.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <uv.h>

#include "app/commands.h"
#include "cli/about.h"
#include "cli/ask.h"
#include "cli/build_info.h"
#include "cli/check.h"
#include "cli/completion.h"
#include "cli/exit_code.h"
#include "cli/manual.h"
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
  return [path = add_config(app)] { return run(*path, build_info()); };
}

std::function<int()> add_check(CLI::App& app) {
  return [path = add_config(app)] { return check(*path, stdout, stderr); };
}

int print(const std::string& text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? kSuccess : kFailure;
}

std::function<int()> add_metrics(CLI::App&) {
  return [] { return print(observe::reference()); };
}

std::function<int()> add_completion(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  app.add_option("shell", *shell, "bash or zsh")->required()->type_name("{bash,zsh}");
  return [&program = *app.get_parent(), shell] {
    const auto script = completion(program, *shell);
    if (script) return print(*script);
    std::fprintf(stderr, "sallyport: completions are for bash and zsh\n");
    return kWrongUsage;
  };
}

std::function<int()> add_manual(CLI::App& app) {
  return [&program = *app.get_parent()] { return print(manual(program, build_info())); };
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
    {"completion", "Print what a shell needs to complete this command line", add_completion},
    {"manual", "Print the manual page sallyport(1)", add_manual},
});

/// What `--version` prints.
std::string version_text() {
  const BuildInfo build = build_info();
  std::string text = "sallyport " + std::string(build.version);
  text += "\nrevision " + std::string(build.revision);
  text += "\ncompiler " + std::string(build.compiler);
  text += "\nTLS library " + std::string(build.tls_library) + ", " +
          std::string(build.tls_revision) + " (API version " +
          std::to_string(tls::kLibraryApiVersion) + ")";
  return text + "\nlibuv " + uv_version_string();
}

/// The lines of `text`, two columns further to the right.
std::string indented(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    result += "  " + std::string(text.substr(0, end));
    text.remove_prefix(end);
  }
  return result + "\n";
}

}  // namespace

void describe(CLI::App& app, Chosen& chosen) {
  app.name("sallyport");
  app.description(about());
  std::string footer;
  for (const Section& section : sections()) {
    footer += "\n" + std::string(section.title) + ":\n" + indented(section.text);
  }
  app.footer(footer);
  app.set_version_flag("--version", version_text(), "Print what this program is made of, and exit");
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

}  // namespace sallyport::cli
