#pragma once

#include <string>
#include <vector>

#include <openssl/base.h>

#include "tls/context.h"

/// PEM files. Every function appends what is wrong to `errors`, each with the file's name, and then
/// returns nothing.
namespace sallyport::tls {

/// A certificate in both forms: DER for the wire, parsed for questions.
struct LoadedCertificate {
  bssl::UniquePtr<CRYPTO_BUFFER> der;
  bssl::UniquePtr<X509> parsed;
};

/// All certificates of a file, in its order; other blocks (a key in the same file) are passed over.
/// At least one, or an error.
[[nodiscard]] std::vector<LoadedCertificate> load_certificates(const std::string& file,
                                                               std::vector<TlsError>& errors);

/// All lists of revoked certificates of a file, which is PEM or one list in DER form. At least one,
/// or an error.
[[nodiscard]] std::vector<bssl::UniquePtr<X509_CRL>> load_crls(const std::string& file,
                                                               std::vector<TlsError>& errors);

/// The one private key of a file. Null: an error was appended.
[[nodiscard]] bssl::UniquePtr<EVP_PKEY> load_key(const std::string& file,
                                                 std::vector<TlsError>& errors);

}  // namespace sallyport::tls
