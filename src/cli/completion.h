#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace sallyport::cli {

/// Returns a script by which a shell completes commands and options of `app`, with all of its
/// subcommands; none: the shell is neither "bash" nor "zsh".
[[nodiscard]] std::optional<std::string> completion(const CLI::App& app, std::string_view shell);

}  // namespace sallyport::cli
