#include "tls/crl.h"

#include <algorithm>
#include <cstddef>

#include <openssl/asn1.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/stack.h>
#include <openssl/x509v3.h>

#include "tls/fingerprint.h"
#include "tls/issuers.h"
#include "tls/validity.h"

namespace sallyport::tls {
namespace {

/// IssuingDistributionPoint. RFC 5280, 5.2.5
struct Scope {
  bool only_clients = false;
  bool only_cas = false;
  bool is_partial = false;  // some reasons, other CAs, attribute certificates
};

bool read_scope(const ASN1_OCTET_STRING* value, Scope& scope) {
  constexpr unsigned kField = CBS_ASN1_CONTEXT_SPECIFIC;
  CBS in;
  CBS fields;
  CBS_init(&in, ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
  if (CBS_get_asn1(&in, &fields, CBS_ASN1_SEQUENCE) != 1 || CBS_len(&in) != 0) return false;
  while (CBS_len(&fields) != 0) {
    CBS field;
    unsigned tag = 0;
    if (CBS_get_any_asn1(&fields, &field, &tag) != 1) return false;
    switch (tag) {
      case kField | CBS_ASN1_CONSTRUCTED | 0:  // where this list is published
        break;
      case kField | 1:
        scope.only_clients = true;
        break;
      case kField | 2:
        scope.only_cas = true;
        break;
      default:
        scope.is_partial = true;
        break;
    }
  }
  return true;
}

bool has_critical(const STACK_OF(X509_EXTENSION) * extensions) {
  for (std::size_t i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
    if (X509_EXTENSION_get_critical(sk_X509_EXTENSION_value(extensions, i)) != 0) return true;
  }
  return false;
}

}  // namespace

std::expected<std::unique_ptr<const Crl>, std::string> Crl::make(bssl::UniquePtr<X509_CRL> parsed) {
  std::unique_ptr<Crl> crl(new Crl());
  crl->parsed_ = std::move(parsed);
  X509_CRL* const list = crl->parsed_.get();
  crl->issuer_ = der_of(X509_CRL_get_issuer(list));
  crl->title_ = title_of(X509_CRL_get_issuer(list));
  const ASN1_TIME* const end = X509_CRL_get0_nextUpdate(list);
  if (end == nullptr) {
    return std::unexpected("has no nextUpdate, so nobody knows how long it counts");
  }
  crl->begins_ = to_time(X509_CRL_get0_lastUpdate(list));
  crl->ends_ = to_time(end);
  std::string wrong = crl->read_extensions();
  if (wrong.empty()) wrong = crl->read_entries();
  if (!wrong.empty()) return std::unexpected(std::move(wrong));
  return crl;
}

/// Empty: all is well.
std::string Crl::read_extensions() {
  for (int i = 0; i < X509_CRL_get_ext_count(parsed_.get()); ++i) {
    X509_EXTENSION* const extension = X509_CRL_get_ext(parsed_.get(), i);
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    if (nid == NID_delta_crl) return "is a delta CRL; name the complete one";
    if (nid != NID_issuing_distribution_point) {
      if (X509_EXTENSION_get_critical(extension) == 0) continue;
      return "has a critical extension that is not known here";
    }
    Scope scope;
    if (!read_scope(X509_EXTENSION_get_data(extension), scope)) {
      return "has a malformed issuingDistributionPoint";
    }
    if (scope.is_partial) {
      return "is an indirect CRL, or one for some reasons or attribute certificates only; name the "
             "complete one";
    }
    covers_cas_ = !scope.only_clients;
    covers_clients_ = !scope.only_cas;
  }
  return {};
}

std::string Crl::read_entries() {
  const STACK_OF(X509_REVOKED)* revoked = X509_CRL_get_REVOKED(parsed_.get());
  const std::size_t count = revoked == nullptr ? 0 : sk_X509_REVOKED_num(revoked);
  serials_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const X509_REVOKED* const one = sk_X509_REVOKED_value(revoked, i);
    if (has_critical(X509_REVOKED_get0_extensions(one))) {
      return "has an entry with a critical extension that is not known here";
    }
    serials_.push_back(key_of(serial_text(X509_REVOKED_get0_serialNumber(one))));
  }
  std::ranges::sort(serials_);
  return {};
}

Crl::Key Crl::key_of(std::string_view serial) {
  Sha256 hash;
  hash.add(as_bytes(serial));
  const Fingerprint whole = hash.finish();
  Key key{};
  std::copy_n(whole.begin(), key.size(), key.begin());
  return key;
}

bool Crl::lists(std::string_view serial) const {
  return std::ranges::binary_search(serials_, key_of(serial));
}

bool Crl::is_by(const Issuer& issuer) const {
  if (!names(issuer) || !issuer.signs_crls) return false;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, signed_it] : tried_) {
    if (key == issuer.key) return signed_it;
  }
  CBS der;
  CBS_init(&der, as_bytes(issuer.key).data(), issuer.key.size());
  const bssl::UniquePtr<EVP_PKEY> key(EVP_parse_public_key(&der));
  const bool good = key != nullptr && X509_CRL_verify(parsed_.get(), key.get()) == 1;
  ERR_clear_error();
  if (tried_.size() < kMostTried) tried_.emplace_back(issuer.key, good);
  return good;
}

}  // namespace sallyport::tls
