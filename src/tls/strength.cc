#include "tls/strength.h"

#include <array>

#include <openssl/asn1.h>
#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace sallyport::tls {
namespace {

constexpr unsigned kStrongCurveBits = 256;

SignatureStrength digest_strength(int digest) {
  switch (digest) {
    case NID_sha224:
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
      return SignatureStrength::strong;
    case NID_sha1:
      return SignatureStrength::sha1;
    default:
      return SignatureStrength::broken;
  }
}

/// The digest of RSASSA-PSS stands in its parameters, and is SHA-1 where it does not.
/// RFC 4055, 3.1
SignatureStrength pss_strength(const X509_ALGOR* algorithm) {
  int type = V_ASN1_UNDEF;
  const void* value = nullptr;
  X509_ALGOR_get0(nullptr, &type, &value, algorithm);
  if (type != V_ASN1_SEQUENCE) return SignatureStrength::broken;
  const auto* text = static_cast<const ASN1_STRING*>(value);
  CBS in;
  CBS parameters;
  CBS hash;
  CBS_init(&in, ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text)));
  int has_hash = 0;
  if (CBS_get_asn1(&in, &parameters, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_optional_asn1(&parameters, &hash, &has_hash,
                            CBS_ASN1_CONSTRUCTED | CBS_ASN1_CONTEXT_SPECIFIC | 0) != 1) {
    return SignatureStrength::broken;
  }
  if (has_hash == 0) return SignatureStrength::sha1;
  CBS identifier;
  CBS oid;
  if (CBS_get_asn1(&hash, &identifier, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_asn1(&identifier, &oid, CBS_ASN1_OBJECT) != 1) {
    return SignatureStrength::broken;
  }
  return digest_strength(OBJ_cbs2nid(&oid));
}

// By leaf or CA.
constexpr std::array<std::string_view, 2> kWeakKey = {
    "a CA of the peer's chain has a key below min_client_key (min_broker_key for a broker)",
    "peer's certificate has a key below min_client_key (min_broker_key for a broker)"};
constexpr std::array<std::string_view, 2> kOtherKey = {
    "a CA of the peer's chain has a key that is neither RSA, nor of P-256, P-384 or P-521, nor "
    "Ed25519",
    "peer's certificate has a key that is neither RSA, nor of P-256, P-384 or P-521, nor Ed25519"};
constexpr std::array<std::string_view, 2> kSha1 = {
    "a CA of the peer's chain is signed with SHA-1, and allow_sha1 is false",
    "peer's certificate is signed with SHA-1, and allow_sha1 is false"};
constexpr std::array<std::string_view, 2> kBroken = {
    "a CA of the peer's chain is signed with MD5 or an unknown algorithm; nothing lets it in",
    "peer's certificate is signed with MD5 or an unknown algorithm; nothing lets it in"};

}  // namespace

KeyFacts key_facts(const EVP_PKEY* key) {
  switch (key == nullptr ? EVP_PKEY_NONE : EVP_PKEY_id(key)) {
    case EVP_PKEY_RSA: {
      const unsigned bits = RSA_bits(EVP_PKEY_get0_RSA(key));
      return {bits >= kStrongRsaBits ? KeyStrength::strong : KeyStrength::weak, bits};
    }
    case EVP_PKEY_EC: {
      const unsigned bits = EC_GROUP_get_degree(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)));
      return {bits >= kStrongCurveBits ? KeyStrength::strong : KeyStrength::weak, 0};
    }
    case EVP_PKEY_ED25519:
      return {KeyStrength::strong, 0};
    default:
      return {};
  }
}

SignatureStrength signature_strength(const X509* certificate) {
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(nullptr, &algorithm, certificate);
  const int nid = X509_get_signature_nid(certificate);
  if (nid == NID_rsassaPss) return pss_strength(algorithm);
  if (nid == NID_ED25519) return SignatureStrength::strong;
  int digest = NID_undef;
  if (OBJ_find_sigid_algs(nid, &digest, nullptr) != 1) return SignatureStrength::broken;
  return digest_strength(digest);
}

Strength strength_of(X509* certificate) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate));
  ERR_clear_error();
  const KeyFacts facts = key_facts(key.get());
  return {.rsa_bits = facts.rsa_bits,
          .weak_curve = facts.rsa_bits == 0 && facts.strength == KeyStrength::weak,
          .sha1 = signature_strength(certificate) == SignatureStrength::sha1};
}

Failure check_asked(const Strength& strength, const PeerOptions& asked, bool is_leaf,
                    bool is_anchor, Leniency& needs) {
  const std::size_t which = is_leaf ? 1 : 0;
  const bool long_enough = strength.rsa_bits != 0
                               ? strength.rsa_bits >= asked.min_key
                               : !strength.weak_curve || asked.min_key < kStrongRsaBits;
  if (!long_enough) return {Check::certificate_weak_key, kWeakKey[which]};
  if (strength.weak_curve || (strength.rsa_bits != 0 && strength.rsa_bits < kStrongRsaBits)) {
    needs.key = true;
  }
  if (is_anchor || !strength.sha1) return {};
  if (!asked.allow_sha1) return {Check::certificate_weak_signature, kSha1[which]};
  needs.sha1 = true;
  return {};
}

Failure check_strength(X509* certificate, const PeerOptions& asked, bool is_leaf, bool is_anchor,
                       Leniency& needs) {
  const std::size_t which = is_leaf ? 1 : 0;
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate));
  ERR_clear_error();
  if (key_facts(key.get()).strength == KeyStrength::other) {
    return {Check::certificate_weak_key, kOtherKey[which]};
  }
  if (const Failure weak = check_asked(strength_of(certificate), asked, is_leaf, is_anchor, needs);
      !weak.text.empty()) {
    return weak;
  }
  if (!is_anchor && signature_strength(certificate) == SignatureStrength::broken) {
    return {Check::certificate_weak_signature, kBroken[which]};
  }
  return {};
}

}  // namespace sallyport::tls
