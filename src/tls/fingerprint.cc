#include "tls/fingerprint.h"

#include <charconv>

#include "tls/hex.h"

namespace sallyport::tls {

std::string to_hex(const Fingerprint& fingerprint) { return hex(Bytes(fingerprint)); }

std::optional<Fingerprint> parse_fingerprint(std::string_view text) {
  Fingerprint fingerprint{};
  const std::size_t digits = 2 * fingerprint.size();
  const bool has_colons = text.size() == digits + fingerprint.size() - 1;
  if (!has_colons && text.size() != digits) return std::nullopt;
  for (std::size_t i = 0; i < fingerprint.size(); ++i) {
    const std::string_view pair = text.substr(i * (has_colons ? 3 : 2), 2);
    const auto [end, error] =
        std::from_chars(pair.data(), pair.data() + pair.size(), fingerprint[i], 16);
    if (error != std::errc() || end != pair.data() + pair.size()) return std::nullopt;
    if (has_colons && i != 0 && text[i * 3 - 1] != ':') return std::nullopt;
  }
  return fingerprint;
}

}  // namespace sallyport::tls
