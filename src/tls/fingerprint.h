#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::tls {

/// SHA-256 of a certificate's DER form.
using Fingerprint = std::array<std::uint8_t, 32>;

/// Lower case, without separators.
[[nodiscard]] std::string to_hex(const Fingerprint& fingerprint);
/// 64 hexadecimal digits of either case, or pairs of them with colons in between.
[[nodiscard]] std::optional<Fingerprint> parse_fingerprint(std::string_view text);

}  // namespace sallyport::tls
