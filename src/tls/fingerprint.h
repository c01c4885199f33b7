#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/sha.h>

#include "sallyport/bytes.h"

namespace sallyport::tls {

/// SHA-256 of a certificate's DER form.
using Fingerprint = std::array<std::uint8_t, 32>;

/// SHA-256 over several texts, each behind its length, so that nothing can move from one to
/// another.
class Sha256 final {
 public:
  Sha256();
  void add(Bytes text);
  /// Once, behind the last text.
  [[nodiscard]] Fingerprint finish();

 private:
  SHA256_CTX state_;
};
/// Lower case, without separators.
[[nodiscard]] std::string to_hex(const Fingerprint& fingerprint);
/// 64 hexadecimal digits of either case, or pairs of them with colons in between.
[[nodiscard]] std::optional<Fingerprint> parse_fingerprint(std::string_view text);

}  // namespace sallyport::tls
