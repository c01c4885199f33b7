#include "tls/issuers.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/x509v3.h>

#include "tls/hex.h"
#include "tls/strength.h"
#include "tls/validity.h"

namespace sallyport::tls {
namespace {

// What a CA may issue. A certificate of the same name and key in which one of these differs is
// another CA: a chain that was good under one may not be under the other.
constexpr std::array kPowers = {
    NID_basic_constraints,    NID_key_usage,       NID_ext_key_usage,      NID_name_constraints,
    NID_certificate_policies, NID_policy_mappings, NID_policy_constraints, NID_inhibit_any_policy};

std::string key_of(X509* certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  const bssl::UniquePtr<std::uint8_t> owner(der);
  ERR_clear_error();
  return size <= 0 ? std::string() : std::string(as_text({der, static_cast<std::size_t>(size)}));
}

Bytes extension(const X509* certificate, int nid) {
  const int at = X509_get_ext_by_NID(certificate, nid, -1);
  if (at < 0) return {};
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
  return {ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))};
}

Fingerprint digest_of(const X509* certificate) {
  Fingerprint digest{};
  unsigned size = 0;
  static_cast<void>(X509_digest(certificate, EVP_sha256(), digest.data(), &size));
  return digest;
}

}  // namespace

std::string title_of(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  const std::uint8_t* text = nullptr;
  std::size_t size = 0;
  if (out == nullptr || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0 ||
      BIO_mem_contents(out.get(), &text, &size) != 1) {
    return "?";
  }
  return std::string(as_text({text, size}));
}

std::string der_of(X509_NAME* name) {
  const std::uint8_t* der = nullptr;
  std::size_t size = 0;
  if (X509_NAME_get0_der(name, &der, &size) != 1) return {};
  return std::string(as_text({der, size}));
}

std::string serial_text(const ASN1_INTEGER* number) {
  const auto length = static_cast<std::size_t>(ASN1_STRING_length(number));
  std::string text;
  // Some private CAs break RFC 5280 with negative numbers: the sign keeps them apart.
  if (ASN1_STRING_type(number) == V_ASN1_NEG_INTEGER) text.push_back('-');
  text += length == 0 ? "00" : hex({ASN1_STRING_get0_data(number), length});
  return text;
}

Issuer read_issuer(X509* ca) {
  Issuer issuer;
  issuer.name = der_of(X509_get_subject_name(ca));
  issuer.key = key_of(ca);
  Sha256 same;
  same.add(as_bytes(issuer.name));
  same.add(as_bytes(issuer.key));
  for (const int nid : kPowers) same.add(extension(ca, nid));
  issuer.same_as = same.finish();
  issuer.title = title_of(X509_get_subject_name(ca));
  issuer.serial = serial_text(X509_get0_serialNumber(ca));
  issuer.fingerprint = to_hex(digest_of(ca));
  issuer.issuer_name = der_of(X509_get_issuer_name(ca));
  issuer.issuer_title = title_of(X509_get_issuer_name(ca));
  issuer.not_after = not_after(ca);
  issuer.strength = strength_of(ca);
  issuer.signs_crls = (X509_get_key_usage(ca) & KU_CRL_SIGN) != 0;  // all bits: it has none
  return issuer;
}

std::shared_ptr<const Issuers> IssuerTable::get(const std::vector<X509*>& way) const {
  Sha256 hash;
  for (const X509* ca : way) hash.add(Bytes(digest_of(ca)));
  const Fingerprint key = hash.finish();
  const std::lock_guard lock(mutex_);
  if (const auto found = ways_.find(key); found != ways_.end()) return found->second;
  auto issuers = std::make_shared<Issuers>();
  issuers->reserve(way.size());
  for (X509* ca : way) issuers->push_back(read_issuer(ca));
  if (ways_.size() < kMostWays) ways_.emplace(key, issuers);
  return issuers;
}

}  // namespace sallyport::tls
