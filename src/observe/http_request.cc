#include "observe/http_request.h"

#include <algorithm>
#include <ranges>

namespace sallyport::observe {

namespace {

constexpr std::string_view kLine = "\r\n";
constexpr std::string_view kEnd = "\r\n\r\n";

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
}

bool is_name(std::string_view text, std::string_view name) {
  return std::ranges::equal(text, name, {}, lower, lower);
}

/// A token of RFC 9110, 5.6.2, of which methods and field names are made.
bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Reads what matters of a header. Returns 0, or the status by which it refuses the request.
int read_header(std::string_view line, HttpRequest& request) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return 400;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (is_name(name, "transfer-encoding")) return 413;
  constexpr std::string_view kBearer = "bearer ";
  if (is_name(name, "host")) request.host = value;
  if (is_name(name, "authorization") && is_name(value.substr(0, kBearer.size()), kBearer)) {
    request.bearer = trim(value.substr(kBearer.size()));
  }
  if (!is_name(name, "content-length")) return 0;
  if (value.empty() || value.find_first_not_of("0123456789") != std::string_view::npos) return 400;
  return value.find_first_not_of('0') == std::string_view::npos ? 0 : 413;
}

/// The path of a target in origin form or in absolute form (RFC 9112, 3.2); empty: neither.
std::string_view path_of(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (is_name(target.substr(0, kScheme.size()), kScheme)) {
    const auto slash = target.find('/', kScheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  if (!target.starts_with('/')) return {};
  return target.substr(0, target.find('?'));
}

HttpRequest refused(int status) {
  HttpRequest request;
  request.status = status;
  return request;
}

HttpRequest parse(std::string_view head) {
  const std::string_view line = head.substr(0, head.find(kLine));
  const auto first = line.find(' ');
  const auto second = line.find(' ', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos || !is_token(line.substr(0, first))) {
    return refused(400);
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refused(400);
  if (std::ranges::any_of(target, [](char c) { return c <= ' ' || c > '~'; })) {
    return refused(400);
  }

  HttpRequest request;
  request.head = method == "HEAD";
  request.path = path_of(target);
  if (!request.head && method != "GET") {
    request.status = 405;
    return request;
  }
  if (request.path.empty()) request.status = 400;
  for (std::string_view rest = head.substr(std::min(head.size(), line.size() + kLine.size()));
       !rest.empty() && request.status == 0;) {
    const auto end = rest.find(kLine);
    request.status = read_header(rest.substr(0, end), request);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + kLine.size());
  }
  return request;
}

}  // namespace

std::optional<HttpRequest> parse_http_request(std::string_view bytes) {
  const auto end = bytes.substr(0, kMaxHttpRequest).find(kEnd);
  if (end != std::string_view::npos) return parse(bytes.substr(0, end));
  if (bytes.size() >= kMaxHttpRequest) return refused(431);
  return std::nullopt;
}

}  // namespace sallyport::observe
