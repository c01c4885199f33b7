#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::observe {

/// A request line and what of the headers matters here: HTTP/1.0 and 1.1, GET and HEAD, no body
/// (RFC 9112, 3 and 6). Strict: what is not clearly a request gets a status, never a guess.
struct HttpRequest {
  int status = 0;  // 0: the request is good; else the status that refuses it
  bool head = false;
  std::string path;    // without query; bytes as they came, nothing is decoded
  std::string host;    // of the header Host, with the port; empty: there is none
  std::string bearer;  // token of the header Authorization (RFC 6750, 2.1); empty: there is none
};

/// Longest request line and headers together, in bytes.
inline constexpr std::size_t kMaxHttpRequest = 4096;

/// None: `bytes` do not hold the whole head yet, and may still become one.
[[nodiscard]] std::optional<HttpRequest> parse_http_request(std::string_view bytes);

}  // namespace sallyport::observe
