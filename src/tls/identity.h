#pragma once

#include <cstddef>
#include <expected>
#include <string_view>

#include <openssl/base.h>

#include "sallyport/identity.h"

/// From a verified certificate to what policy sees of it.
namespace sallyport::tls {

/// A certificate over one of these is refused rather than cut: a policy that matches on names must
/// see all of them, and a connection keeps them for as long as it lives.
inline constexpr std::size_t kMaxNames = 16;       // DNS names and URIs together
inline constexpr std::size_t kMaxNameBytes = 256;  // each, and the common name
inline constexpr std::size_t kMaxSerialBytes = 32;

/// The names of `leaf`, whose DER form is `der`. The error is one line of static storage. Refused:
/// - U+0000, control characters or bytes that are not UTF-8 (URIs and DNS names: not ASCII) in a
///   name, since "trusted\0.evil" is two names to two readers;
/// - more than one common name, since readers differ in which of them counts;
/// - anything over the limits above, or a subjectAltName that cannot be parsed.
[[nodiscard]] std::expected<Certificate, std::string_view> read_certificate(X509* leaf,
                                                                            CRYPTO_BUFFER* der);

}  // namespace sallyport::tls
