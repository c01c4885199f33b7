#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/base.h>

#include "sallyport/identity.h"

#include "tls/authority.h"
#include "tls/certificate_list.h"
#include "tls/crl.h"
#include "tls/fingerprint.h"
#include "tls/issuers.h"
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

  Issuers cas;  // the same
  std::vector<std::unique_ptr<const Crl>> crls;
  CertificateList denied;
  CertificateList exceptions;
  CrlFail crl_fail = CrlFail::closed;
  IssuerTable issuers;  // of the chains that were verified

  [[nodiscard]] bool is_anchor(const X509* certificate) const;
  /// Does the bundle have this very certificate? Lower-case hex.
  [[nodiscard]] bool has_anchor(std::string_view fingerprint) const;

  using Time = std::chrono::system_clock::time_point;
  struct Period {
    std::array<std::uint8_t, 32> same_as{};  // Issuer
    Time begin{};
    Time end{};  // from when on it does not count
    [[nodiscard]] bool counts(Time now) const { return begin <= now && now < end; }
  };
  std::vector<Period> periods;  // of the bundle's certificates

  /// When the bundle's certificate of this CA counts; where several are of it, the one that counts
  /// at `now`, and longest. Null: there is none.
  [[nodiscard]] const Period* find(const Issuer& ca, Time now) const;
};

/// Makes anchors of `cas`. `purpose` and `trust`: X509_PURPOSE_* and X509_TRUST_* of the peers.
/// What is wrong is appended to `errors`.
void add_anchors(Trust& trust, const std::string& file, const std::vector<LoadedCertificate>& cas,
                 int purpose, int trusted_for, std::vector<TlsError>& errors);

[[nodiscard]] Fingerprint fingerprint_of(const CRYPTO_BUFFER* der);

}  // namespace sallyport::tls
