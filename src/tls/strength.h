#pragma once

#include <cstdint>

#include <openssl/base.h>

#include "sallyport/identity.h"

#include "tls/errors.h"
#include "tls/options.h"

/// How strong keys and signatures of certificates are.
namespace sallyport::tls {

enum class KeyStrength : std::uint8_t {
  strong,  // RSA from 2048 bits on, P-256, P-384, P-521, Ed25519
  weak,    // RSA with fewer bits, P-224
  other,   // DSA, another curve: nothing here can use it
};
struct KeyFacts {
  KeyStrength strength = KeyStrength::other;
  unsigned rsa_bits = 0;  // 0: it is no RSA key
};
[[nodiscard]] KeyFacts key_facts(const EVP_PKEY* key);

enum class SignatureStrength : std::uint8_t {
  strong,  // SHA-2, Ed25519
  sha1,
  broken,  // MD5, or an algorithm that is not known here
};
/// Of the signature that the certificate bears, which was made with its issuer's key.
[[nodiscard]] SignatureStrength signature_strength(const X509* certificate);

/// What of a certificate's strength is for operators to judge. What nothing lets in (KeyStrength's
/// `other`, SignatureStrength's `broken`) is not told.
[[nodiscard]] Strength strength_of(X509* certificate);
/// Holds that against `asked`: the part of check_strength() that options decide.
[[nodiscard]] Failure check_asked(const Strength& strength, const PeerOptions& asked, bool is_leaf,
                                  bool is_anchor, Leniency& needs);

/// Holds one certificate of a peer's chain against `asked`. Returns a failure without text where it
/// is strong enough; `needs` then gains what it needs leniency for. The key counts at every depth:
/// whoever finds the key of a CA issues what he likes. The signature does not count
/// (`is_anchor`) where the certificate is trusted because the operator names it.
[[nodiscard]] Failure check_strength(X509* certificate, const PeerOptions& asked, bool is_leaf,
                                     bool is_anchor, Leniency& needs);

}  // namespace sallyport::tls
