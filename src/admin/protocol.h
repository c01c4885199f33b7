#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "admin/reply.h"

/// The admin socket's language: a line of JSON for a request, a line of JSON for its answer.
///
///   {"version":1,"command":"status","arguments":{}}
///   {"version":1,"ok":true,"result":{…}}
///   {"version":1,"ok":false,"error":{"code":"unknown-command","message":"…","details":…}}
///
/// `arguments` may be left out. A member that is not known is an error: an old gateway must not do
/// half of what a newer program asks.
namespace sallyport::admin {

inline constexpr int kProtocolVersion = 1;

struct Request {
  std::string command;
  Json arguments = Json::object();
};

/// What is wrong with a request.
struct Fault {
  std::string_view code;  // static storage
  std::string message;
};

/// Returns the request that a line (without its line feed) holds. Nesting is bounded, so no line
/// can exhaust the stack.
[[nodiscard]] std::expected<Request, Fault> parse_request(std::string_view line);

[[nodiscard]] Json ok_answer(Json result);
[[nodiscard]] Json error_answer(std::string_view code, std::string message, Json details);

/// One line, line feed included. What is not UTF-8 is replaced, so it never throws.
[[nodiscard]] std::string to_line(const Json& json);

}  // namespace sallyport::admin
