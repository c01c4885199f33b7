#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sallyport::cli {

/// One option or argument of a command, as the command line's parser knows it.
struct OptionInfo {
  std::vector<std::string> names;  // "-c", "--config"; of an argument only "shell"
  std::string help;
  std::string value;                 // what stands behind it: "FILE"; empty: nothing, it is a flag
  std::vector<std::string> choices;  // the only values, where the parser knows them
  bool positional = false;

  /// Its value is the path of a file.
  [[nodiscard]] bool is_path() const { return value == "FILE" || value == "PATH"; }
};

/// All commands, and all options of `app` itself, in the order of `--help`.
[[nodiscard]] std::vector<const CLI::App*> commands_of(const CLI::App& app);
[[nodiscard]] std::vector<OptionInfo> options_of(const CLI::App& app);

}  // namespace sallyport::cli
