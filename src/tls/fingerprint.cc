#include "tls/fingerprint.h"

#include <charconv>

#include "tls/hex.h"

namespace sallyport::tls {

Sha256::Sha256() { SHA256_Init(&state_); }

void Sha256::add(Bytes text) {
  std::array<std::uint8_t, 8> size{};
  for (std::size_t i = 0; i < size.size(); ++i) {
    size[i] = static_cast<std::uint8_t>(std::uint64_t{text.size()} >> (8 * i));
  }
  SHA256_Update(&state_, size.data(), size.size());
  SHA256_Update(&state_, text.data(), text.size());
}

Fingerprint Sha256::finish() {
  Fingerprint digest{};
  SHA256_Final(digest.data(), &state_);
  return digest;
}

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
