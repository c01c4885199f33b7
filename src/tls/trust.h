#pragma once

#include <string>
#include <vector>

#include <openssl/base.h>

#include "tls/authority.h"
#include "tls/fingerprint.h"
#include "tls/options.h"
#include "tls/pem.h"

namespace sallyport::tls {

/// Whom a context's peers are verified by, and what is asked of their certificates. Immutable.
///
/// Every certificate of a bundle is an anchor of its own, so a bundle with only an intermediate CA
/// trusts what that CA signed and nothing else.
struct Trust {
  PeerOptions asked;
  NameBounds names;
  bssl::UniquePtr<X509_STORE> store;           // null: pins alone count
  std::vector<bssl::UniquePtr<X509>> anchors;  // those of the store; sorted by address
  std::vector<Fingerprint> pins;
  std::vector<Authority> authorities;  // of the bundle, in its order

  [[nodiscard]] bool is_anchor(const X509* certificate) const;
};

/// Makes anchors of `cas`. `purpose` and `trust`: X509_PURPOSE_* and X509_TRUST_* of the peers.
/// What is wrong is appended to `errors`.
void add_anchors(Trust& trust, const std::string& file, const std::vector<LoadedCertificate>& cas,
                 int purpose, int trusted_for, std::vector<TlsError>& errors);

[[nodiscard]] Fingerprint fingerprint_of(const CRYPTO_BUFFER* der);

}  // namespace sallyport::tls
