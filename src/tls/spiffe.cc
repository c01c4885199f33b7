#include "tls/spiffe.h"

#include <algorithm>

namespace sallyport::tls {
namespace {

constexpr std::string_view kScheme = "spiffe://";
constexpr std::size_t kLongest = 2048;       // of an identifier. SPIFFE-ID, 2.3
constexpr std::size_t kLongestDomain = 255;  // SPIFFE-ID, 2.3

bool is_lower(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}
bool is_segment_character(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

bool is_domain(std::string_view text) {
  return !text.empty() && text.size() <= kLongestDomain && std::ranges::all_of(text, is_lower);
}
bool is_segment(std::string_view text) {
  return !text.empty() && text != "." && text != ".." &&
         std::ranges::all_of(text, is_segment_character);
}

}  // namespace

bool is_spiffe(std::string_view uri) {
  const auto same = [](char c, char lower) {
    return c == lower || (c >= 'A' && c <= 'Z' && c - 'A' + 'a' == lower);
  };
  return uri.size() >= kScheme.size() &&
         std::ranges::equal(uri.substr(0, kScheme.size()), kScheme, same);
}

std::optional<SpiffeId> parse_spiffe(std::string_view uri) {
  if (!uri.starts_with(kScheme) || uri.size() > kLongest) return std::nullopt;
  std::string_view rest = uri.substr(kScheme.size());
  SpiffeId id;
  id.domain = rest.substr(0, rest.find('/'));
  if (!is_domain(id.domain)) return std::nullopt;
  rest.remove_prefix(id.domain.size());
  while (!rest.empty()) {
    rest.remove_prefix(1);  // the slash
    id.name = rest.substr(0, rest.find('/'));
    if (!is_segment(id.name)) return std::nullopt;
    rest.remove_prefix(id.name.size());
  }
  return id;
}

}  // namespace sallyport::tls
