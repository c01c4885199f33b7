#include "cli/ask.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "admin/protocol.h"
#include "app/assemble.h"
#include "cli/check.h"
#include "cli/exit_code.h"
#include "cli/put.h"
#include "net/socket.h"

namespace sallyport::cli {

namespace {

using admin::Json;

constexpr timeval kPatience{.tv_sec = 60, .tv_usec = 0};

/// What one command line says.
struct Asked {
  std::string config = "gateway.toml";
  std::string socket;
  bool json = false;
  std::vector<std::string> texts;  // one for each argument of the command; empty: not given
  std::vector<std::uint64_t> numbers;
  std::unique_ptr<bool[]> flags;
};

[[noreturn]] void fail(const std::string& path, int error) {
  const std::string why = std::generic_category().message(error);
  switch (error) {
    case ENOENT:
    case ECONNREFUSED:
      throw std::runtime_error("no gateway listens on " + path + " (" + why +
                               "); is it running, and does its [admin] socket say the same?");
    case EACCES:
      throw std::runtime_error(path + ": " + why + "; ask as root, or as the gateway's user");
    case EAGAIN:
      throw std::runtime_error(path + ": the gateway does not answer");
    default:
      throw std::runtime_error(path + ": " + why);
  }
}

Json arguments_of(const admin::Command& command, const Asked& asked, const CLI::App& app) {
  Json arguments = Json::object();
  for (std::size_t i = 0; i < command.arguments.size(); ++i) {
    const admin::Argument& argument = command.arguments[i];
    if (app.count("--" + std::string(argument.name)) == 0) continue;
    switch (argument.kind) {
      case admin::Argument::Kind::text:
        arguments[argument.name] = asked.texts[i];
        break;
      case admin::Argument::Kind::number:
        arguments[argument.name] = asked.numbers[i];
        break;
      case admin::Argument::Kind::flag:
        arguments[argument.name] = true;
        break;
    }
  }
  return arguments;
}

std::string cell(const Json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void print_table(const Json& rows, std::FILE* out) {
  std::vector<std::string> columns;
  for (const auto& [key, value] : rows.front().items()) columns.push_back(key);
  std::vector<std::size_t> widths;
  for (const std::string& column : columns) {
    std::size_t width = column.size();
    for (const Json& row : rows) width = std::max(width, cell(row.value(column, Json())).size());
    widths.push_back(width);
  }
  const auto line = [&](auto text_of) {
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      std::string part = text_of(columns[i]);
      if (i + 1 != columns.size()) part.resize(std::max(widths[i], part.size()) + 2, ' ');
      text += part;
    }
    put(text, out);
  };
  line([](const std::string& column) { return column; });
  for (const Json& row : rows) {
    line([&row](const std::string& column) { return cell(row.value(column, Json())); });
  }
}

int print_error(const Json& error, std::FILE* err) {
  put("sallyport: " + cell(error.value("message", Json("the gateway says no"))), err);
  const Json details = error.value("details", Json::array());
  for (const Json& detail : details) put(cell(detail), err);
  return kFailure;
}

}  // namespace

std::string ask(const std::string& path, const std::string& line) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) fail(path, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  const net::Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    fail(path, errno);
  }
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t n = ::send(socket.fd(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n < 0) fail(path, errno);
    sent += static_cast<std::size_t>(n);
  }
  std::string answer;
  char bytes[16 * 1024];
  while (answer.find('\n') == std::string::npos) {
    const ssize_t n = ::recv(socket.fd(), bytes, sizeof(bytes), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, errno);
    if (n == 0) throw std::runtime_error(path + ": the gateway closed without an answer");
    answer.append(bytes, static_cast<std::size_t>(n));
  }
  answer.resize(answer.find('\n'));
  return answer;
}

void print_result(const Json& result, std::FILE* out) {
  if (result.is_object()) {
    for (const auto& [key, value] : result.items()) put(key + ": " + cell(value), out);
  } else if (result.is_array() && !result.empty() && result.front().is_object()) {
    print_table(result, out);
  } else if (!result.is_null() && !(result.is_array() && result.empty())) {
    put(cell(result), out);
  }
}

std::function<int()> add_admin_command(CLI::App& app, const admin::Command& command) {
  auto asked = std::make_shared<Asked>();
  asked->texts.resize(command.arguments.size());
  asked->numbers.resize(command.arguments.size());
  asked->flags = std::make_unique<bool[]>(command.arguments.size());
  app.add_option("-c,--config", asked->config, "The gateway file that names the admin socket")
      ->capture_default_str()
      ->type_name("FILE");
  app.add_option("-s,--socket", asked->socket, "The admin socket itself")->type_name("PATH");
  app.add_flag("--json", asked->json, "Print the answer as JSON");
  for (std::size_t i = 0; i < command.arguments.size(); ++i) {
    const admin::Argument& argument = command.arguments[i];
    const std::string name = "--" + std::string(argument.name);
    CLI::Option* option = nullptr;
    switch (argument.kind) {
      case admin::Argument::Kind::text:
        option = app.add_option(name, asked->texts[i], argument.help)->type_name("TEXT");
        break;
      case admin::Argument::Kind::number:
        option = app.add_option(name, asked->numbers[i], argument.help)->type_name("NUMBER");
        break;
      case admin::Argument::Kind::flag:
        option = app.add_flag(name, asked->flags[i], argument.help);
        break;
    }
    if (argument.required) option->required();
  }
  return [asked, &app, &command] {
    std::string path = asked->socket;
    if (path.empty()) {
      const auto options = config::load_gateway(asked->config);
      if (!options) {
        print(options.error(), stderr);
        return kFailure;
      }
      path = options->admin.socket;
      if (path.empty()) {
        throw std::runtime_error(asked->config + " has no [admin] socket; write one, or --socket");
      }
    }
    const Json request = {{"version", admin::kProtocolVersion},
                          {"command", command.name},
                          {"arguments", arguments_of(command, *asked, app)}};
    const Json answer = Json::parse(ask(path, admin::to_line(request)), nullptr, false);
    if (!answer.is_object()) throw std::runtime_error(path + ": the answer is no JSON object");
    const bool ok = answer.value("ok", false);
    if (asked->json) {
      put(answer.dump(2), stdout);
    } else if (ok) {
      print_result(answer.value("result", Json()), stdout);
    } else {
      print_error(answer.value("error", Json::object()), stderr);
    }
    return ok ? kSuccess : kFailure;
  };
}

}  // namespace sallyport::cli
