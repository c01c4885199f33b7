#pragma once

#include <openssl/base.h>

#include "sallyport/identity.h"

#include "tls/options.h"

/// From a certificate to what policy sees of it.
namespace sallyport::tls {

/// The names of `leaf`, whose DER form is `der`. A name that two readers could read differently, or
/// that is over a bound, is left out rather than cut, and Certificate::left_out says why:
/// - U+0000, control characters or bytes that are not UTF-8 (URIs and DNS names: not ASCII) in a
///   name, since "trusted\0.evil" is two names to two readers;
/// - more than one common name, since readers differ in which of them counts;
/// - more DNS names and URIs than bounds.max_names, or a subjectAltName that cannot be parsed: all
///   of them, since whoever sees a part of a list does not know what it leaves out;
/// - a SPIFFE identifier where there are several URIs, or one that is malformed.
[[nodiscard]] Certificate read_certificate(X509* leaf, const CRYPTO_BUFFER* der,
                                           const NameBounds& bounds);

}  // namespace sallyport::tls
