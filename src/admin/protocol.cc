#include "admin/protocol.h"

#include <utility>

namespace sallyport::admin {

namespace {

constexpr int kMaxDepth = 4;  // a request is an object with an object of plain values in it

std::unexpected<Fault> wrong(std::string message) {
  return std::unexpected(Fault{"bad-request", std::move(message)});
}

}  // namespace

Json ok_answer(Json result) {
  return {{"version", kProtocolVersion}, {"ok", true}, {"result", std::move(result)}};
}

Json error_answer(std::string_view code, std::string message, Json details) {
  Json error = {{"code", code}, {"message", std::move(message)}};
  if (!details.is_null()) error["details"] = std::move(details);
  return {{"version", kProtocolVersion}, {"ok", false}, {"error", std::move(error)}};
}

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::expected<Request, Fault> parse_request(std::string_view line) {
  bool deep = false;
  // A parser callback that returns false throws the value away, so depth costs no memory either.
  const auto shallow = [&deep](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > kMaxDepth;
    return !deep;
  };
  // The last argument: an error is a discarded value, not an exception.
  const Json json = Json::parse(line, shallow, false);
  if (deep) return wrong("the request is nested too deeply");
  if (json.is_discarded() || !json.is_object()) {
    return wrong("the request is not a JSON object on one line");
  }
  Request request;
  bool has_version = false;
  for (const auto& [key, value] : json.items()) {
    if (key == "version") {
      if (value != kProtocolVersion) {
        return std::unexpected(Fault{"version", "this gateway speaks version 1"});
      }
      has_version = true;
    } else if (key == "command" && value.is_string()) {
      request.command = value.get<std::string>();
    } else if (key == "arguments" && value.is_object()) {
      request.arguments = value;
    } else {
      return wrong("\"" + key + "\" is not known, or not of its type");
    }
  }
  if (!has_version) return wrong("\"version\" is missing");
  if (request.command.empty()) return wrong("\"command\" is missing");
  return request;
}

}  // namespace sallyport::admin
