#include "policy/wording.h"

#include <algorithm>
#include <vector>

namespace sallyport::policy {

namespace {

constexpr std::size_t kLongestQuote = 96;
constexpr std::size_t kLongestGuess = 64;  // keeps the distance table small

/// Levenshtein's distance, one row at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

/// What people type when they know the word but not its spelling: `clientId`, `cert_cn`, `cn`.
std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') {
      out.push_back(static_cast<char>(c - 'A' + 'a'));
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

std::string quoted(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == kLongestQuote) {
      out += "\"...";
      return out;
    }
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 0x0F]);
    } else {
      out.push_back(text[i]);
    }
  }
  out.push_back('"');
  return out;
}

std::string did_you_mean(std::string_view text, std::span<const std::string_view> candidates) {
  if (text.empty() || text.size() > kLongestGuess) return {};
  const std::string wanted = folded(text);
  std::string_view best;
  std::size_t best_distance = 0;
  for (const std::string_view candidate : candidates) {
    const std::string known = folded(candidate);
    std::size_t far = distance(wanted, known);
    // `cn` for `cert.cn`: too far by letters, and yet plain.
    if (far > 1 && wanted.size() >= 2 && known.ends_with(wanted)) far = 1;
    if (best.empty() || far < best_distance) {
      best = candidate;
      best_distance = far;
    }
  }
  if (best.empty() || best_distance > std::max<std::size_t>(1, wanted.size() / 3)) return {};
  return "did you mean " + quoted(best) + "? ";
}

}  // namespace sallyport::policy
