#pragma once

#include <functional>

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

/// Makes `app` this program: what it says of itself, and every command, those of this program
/// before those that a running gateway answers. Once `app` has parsed a command line, `chosen` is
/// the command that it names. Both outlive what it runs.
void describe(CLI::App& app, Chosen& chosen);

}  // namespace sallyport::cli
