#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openssl/x509.h>

#include "sallyport/identity.h"

#include "tls/context.h"

/// Lists of revoked certificates (CRLs). RFC 5280, 5
namespace sallyport::tls {

/// One list. Immutable but for what it remembers of the keys that it was tried with. Thread: any.
class Crl final {
 public:
  using Time = std::chrono::system_clock::time_point;

  /// A list that cannot be held against a chain as it stands (a delta, an indirect one, one for
  /// some reasons only, an unknown critical extension, no end) gives the text of why instead.
  [[nodiscard]] static std::expected<std::unique_ptr<const Crl>, std::string> make(
      bssl::UniquePtr<X509_CRL> parsed);

  [[nodiscard]] bool names(const Issuer& issuer) const { return issuer_ == issuer.name; }
  /// It names the CA, and the CA's key has signed it. The answer for a key is remembered.
  [[nodiscard]] bool is_by(const Issuer& issuer) const;
  /// Does it tell of certificates of CAs (else: of clients)? RFC 5280, 5.2.5
  [[nodiscard]] bool covers(bool is_ca) const { return is_ca ? covers_cas_ : covers_clients_; }
  [[nodiscard]] bool lists(std::string_view serial) const;
  [[nodiscard]] Time begins() const { return begins_; }
  [[nodiscard]] Time ends() const { return ends_; }                  // nextUpdate
  [[nodiscard]] const std::string& title() const { return title_; }  // of its issuer
  [[nodiscard]] std::size_t size() const { return serials_.size(); }

 private:
  /// Half of a SHA-256: short, of one size, and nobody finds two serial numbers with the same.
  using Key = std::array<std::uint8_t, 16>;
  /// CAs of one name with different keys; more than these are verified each time.
  static constexpr std::size_t kMostTried = 16;

  Crl() = default;
  [[nodiscard]] static Key key_of(std::string_view serial);
  [[nodiscard]] std::string read_extensions();
  [[nodiscard]] std::string read_entries();

  bssl::UniquePtr<X509_CRL> parsed_;  // for its signature
  std::string issuer_;                // DER
  std::string title_;
  Time begins_{};
  Time ends_{};
  std::vector<Key> serials_;  // sorted
  bool covers_cas_ = true;
  bool covers_clients_ = true;
  mutable std::mutex mutex_;
  mutable std::vector<std::pair<std::string, bool>> tried_;  // keys; under mutex_
};

}  // namespace sallyport::tls
