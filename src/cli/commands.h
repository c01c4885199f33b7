#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

/// What `sallyport` can be asked to do. A new command is a row in commands.cc and a function.
namespace sallyport::cli {

/// Adds every command to `app`: those of this program, then those that a running gateway answers.
/// Once `app` has parsed a command line, `chosen` is what runs the command that it names; empty: it
/// names none.
void add_commands(CLI::App& app, std::function<int()>& chosen);

/// What `--version` prints.
[[nodiscard]] std::string version_text();

}  // namespace sallyport::cli
