#pragma once

#include <functional>
#include <span>
#include <string>

namespace CLI {
class App;
}

/// What `sallyport` can be asked to do, as one table. A new command is a row and a function.
namespace sallyport::cli {

struct Command {
  const char* name;
  const char* help;
  /// Adds the command's own options to `app`, and returns what runs it once they have been parsed.
  /// That returns the exit code (cli/exit_code.h), and may throw std::exception.
  std::function<int()> (*add)(CLI::App& app);
};

/// In the order in which `--help` lists them. Static storage.
[[nodiscard]] std::span<const Command> commands();

/// What `--version` prints.
[[nodiscard]] std::string version_text();

}  // namespace sallyport::cli
