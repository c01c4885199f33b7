#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/x509.h>

#include "sallyport/identity.h"

#include "tls/fingerprint.h"

/// What is kept of the CAs of a chain.
namespace sallyport::tls {

/// RFC 2253, with everything escaped that is not ASCII.
[[nodiscard]] std::string title_of(const X509_NAME* name);
[[nodiscard]] std::string der_of(X509_NAME* name);
/// Lower-case hex without separators, at least two digits; '-' in front of a negative one.
[[nodiscard]] std::string serial_text(const ASN1_INTEGER* number);

[[nodiscard]] Issuer read_issuer(X509* ca);

/// Gives clients that were verified by the same CAs the same Issuers, so that an idle client costs
/// a pointer. Bounded: behind kMostWays ways each client has its own.
///
/// Thread: any.
class IssuerTable final {
 public:
  static constexpr std::size_t kMostWays = 256;

  /// `way`: from the CA that issued the leaf to the one of the bundle.
  [[nodiscard]] std::shared_ptr<const Issuers> get(const std::vector<X509*>& way) const;

 private:
  mutable std::mutex mutex_;
  mutable std::map<Fingerprint, std::shared_ptr<const Issuers>> ways_;  // under mutex_
};

}  // namespace sallyport::tls
