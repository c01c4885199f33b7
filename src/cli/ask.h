#pragma once

#include <cstdio>
#include <functional>
#include <string>

#include "admin/command.h"

namespace CLI {
class App;
}

/// Commands that a running gateway answers on its admin socket.
namespace sallyport::cli {

/// Adds the options of `command` to `app` (one for each of its arguments, --socket, --json), and
/// returns what sends the request and prints the answer.
[[nodiscard]] std::function<int()> add_admin_command(CLI::App& app, const admin::Command& command);

/// Sends one line to the socket at `path` and returns the line that comes back, without its line
/// feed. Throws std::runtime_error with a sentence for the operator: nobody listens there, the
/// gateway does not answer within a minute, the user may not ask.
[[nodiscard]] std::string ask(const std::string& path, const std::string& line);

/// Prints an answer's result for people: an object as lines "key: value", an array of objects as a
/// table, anything else as it is.
void print_result(const admin::Json& result, std::FILE* out);

}  // namespace sallyport::cli
