#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>
#include <openssl/x509.h>

/// A throw-away PKI, made while the test runs: no certificate in the repository that expires.
namespace sallyport::tls::test {

/// A folder under the system's temporary one, deleted with everything in it.
class Folder final {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string path(std::string_view name) const;
  /// Writes a file and returns its path.
  std::string write(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
};

enum class KeyType : std::uint8_t { p256, p224, rsa2048, rsa1024, ed25519 };

/// One certificate with its key.
struct Issued {
  bssl::UniquePtr<X509> certificate;
  bssl::UniquePtr<EVP_PKEY> key;

  [[nodiscard]] std::string pem() const;
  [[nodiscard]] std::string der() const;
  [[nodiscard]] std::string key_pem() const;
};

/// What a certificate says. Bytes are put in as they are: the tests are about odd ones.
struct Request {
  std::vector<std::string> common_names = {};
  int common_name_type = 0;  // V_ASN1_*; 0: UTF8String
  std::vector<std::string> dns = {};
  std::vector<std::string> uris = {};
  std::vector<std::string> addresses = {};  // numeric IPv4
  std::vector<std::string> emails = {};
  std::string usage = {};  // "serverAuth", "clientAuth"; empty: no extended key usage
  bool is_ca = false;
  long valid_from = -3600;  // seconds from now
  long valid_to = 3600;
  std::uint64_t serial = 1;
  KeyType key = KeyType::p256;
  EVP_PKEY* with_key = nullptr;    // another one's instead: for a certificate that is renewed
  const EVP_MD* digest = nullptr;  // of the signature; null: SHA-256
  std::string key_usage = {};      // of one that is no CA's; empty: none
};

/// Signed by `issuer`; by itself where it is null.
[[nodiscard]] Issued issue(const Request& request, const Issued* issuer);

/// The same, with the bytes `from` in what is signed replaced by `to`, which are as many: for what
/// no library agrees to write. DER.
struct Patched {
  std::string der;
  bssl::UniquePtr<EVP_PKEY> key;
};
[[nodiscard]] Patched issue_patched(const Request& request, const Issued& issuer,
                                    std::string_view from, std::string_view to);

[[nodiscard]] bssl::UniquePtr<EVP_PKEY> make_key(KeyType type);
[[nodiscard]] std::string to_pem(EVP_PKEY* key);
/// PKCS#8 under a passphrase.
[[nodiscard]] std::string to_encrypted_pem(EVP_PKEY* key);
/// The traditional form under a passphrase ("Proc-Type: 4,ENCRYPTED").
[[nodiscard]] std::string to_traditional_encrypted_pem(EVP_PKEY* key);
/// The traditional form ("EC PRIVATE KEY").
[[nodiscard]] std::string to_traditional_pem(EVP_PKEY* ec_key);

[[nodiscard]] Issued make_ca(std::string name);

}  // namespace sallyport::tls::test
