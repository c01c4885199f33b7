#include "observe/visitors.h"

#include <algorithm>

namespace sallyport::observe {

namespace {

/// Takes as long whatever they hold; only how long they are can be told from the time.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char differ = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differ = static_cast<unsigned char>(differ | (a[i] ^ b[i]));
    asm volatile("" : "+r"(differ));  // so that no compiler ends the loop early
  }
  return differ == 0;
}

bool is_decimal(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_local_name(std::string_view host) {
  constexpr std::string_view kV6 = "[::1]";
  if (const auto colon = host.rfind(':'); colon != std::string_view::npos &&
                                          is_decimal(host.substr(colon + 1)) &&
                                          (host.find(':') == colon || host[colon - 1] == ']')) {
    host = host.substr(0, colon);
  }
  std::string lower(host);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  if (lower == "localhost" || lower == kV6) return true;
  // 127.0.0.0/8. A name such as 127.example.com has letters.
  return lower.starts_with("127.") && lower.find_first_not_of("0123456789.") == std::string::npos;
}

bool Visitors::trusts(const HttpVisitor& visitor) const {
  const std::lock_guard lock(mutex_);
  if (!token_) return false;
  if (!token_->empty()) return equal_in_constant_time(visitor.token, *token_);
  return visitor.is_local && is_local_name(visitor.host);
}

}  // namespace sallyport::observe
