#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

/// What `sallyport` can be asked to do. A new command is a row in commands.cc and a function.
namespace sallyport::cli {

/// The command that a command line names.
struct Chosen {
  std::function<int()> run;  // empty: it names none
  bool serves = false;       // it answers signals itself; others end by them, as any program does
};

/// Adds every command to `app`: those of this program, then those that a running gateway answers.
/// Once `app` has parsed a command line, `chosen` is the command that it names.
void add_commands(CLI::App& app, Chosen& chosen);

/// What `--version` prints.
[[nodiscard]] std::string version_text();

}  // namespace sallyport::cli
