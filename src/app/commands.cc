#include "app/commands.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "admin/protocol.h"
#include "app/gateway.h"
#include "app/session_commands.h"

namespace sallyport::app {

namespace {

using admin::Json;
using admin::Reply;

void status(Gateway& gateway, const Json&, Reply reply) {
  const Assembled& now = gateway.assembled();
  reply.ok({{"version", gateway.build().version},
            {"revision", gateway.build().revision},
            {"config", now.options.file},
            {"uptime_seconds",
             std::chrono::duration_cast<std::chrono::seconds>(gateway.uptime()).count()},
            {"workers", gateway.workers()},
            {"listeners", now.options.listeners.size()},
            {"roles", now.policy->role_count()},
            {"rules", now.policy->rule_count()},
            {"draining", gateway.is_draining()}});
}

void reload(Gateway& gateway, const Json&, Reply reply) {
  const config::Diagnostics wrong = gateway.reload();
  if (wrong.empty()) return status(gateway, {}, std::move(reply));
  Json details = Json::array();
  for (const config::Diagnostic& diagnostic : wrong) details.push_back(to_string(diagnostic));
  reply.error("reload-failed", "nothing was reloaded; what was in force stays in force",
              std::move(details));
}

void drain(Gateway& gateway, const Json&, Reply reply) {
  reply.ok(nullptr);
  gateway.drain("an admin command");
}

constexpr auto kProcessCommands = std::to_array<AdminCommand>({
    {{"status", "Say what is in force in a running gateway, and since when", {}}, status},
    {{"reload", "Let it read all files again, and say what is wrong with them", {}}, reload},
    {{"drain", "Let it accept no more, say goodbye to all sessions, and end", {}}, drain},
});

}  // namespace

std::span<const AdminCommand> admin_commands() {
  static const std::vector<AdminCommand> kAll = [] {
    std::vector<AdminCommand> all(kProcessCommands.begin(), kProcessCommands.end());
    const auto more = session_commands();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return kAll;
}

void execute(Gateway& gateway, std::string_view line, const Reply& reply) {
  const auto request = admin::parse_request(line);
  if (!request) return reply.error(request.error().code, request.error().message);
  const auto commands = admin_commands();
  const auto row = std::ranges::find_if(
      commands, [&](const AdminCommand& command) { return command.name == request->command; });
  if (row == commands.end()) {
    return reply.error("unknown-command", "there is no command \"" + request->command + "\"");
  }
  if (std::string wrong = check_arguments(*row, request->arguments); !wrong.empty()) {
    return reply.error("bad-arguments", std::move(wrong));
  }
  row->run(gateway, request->arguments, reply);
}

}  // namespace sallyport::app
