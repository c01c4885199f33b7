#pragma once

#include <span>
#include <string_view>

#include "admin/command.h"

/// What the admin socket can be asked, as one table. A new command is a row and a function.
namespace sallyport::app {

class Gateway;

struct AdminCommand : admin::Command {
  /// `arguments` has been held against the row: every member is known and of its kind.
  void (*run)(Gateway& gateway, const admin::Json& arguments, admin::Reply reply);
};

/// In the order in which `--help` lists them. Static storage.
[[nodiscard]] std::span<const AdminCommand> admin_commands();

/// Runs what a request asks, or answers what is wrong with it.
void execute(Gateway& gateway, std::string_view line, const admin::Reply& reply);

}  // namespace sallyport::app
