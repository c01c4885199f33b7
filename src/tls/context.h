#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <openssl/base.h>

#include "sallyport/identity.h"

#include "tls/authority.h"
#include "tls/options.h"

/// Certificates and keys, loaded and checked. BoringSSL is named in this folder only.
namespace sallyport::tls {

/// The version of BoringSSL's interface that this was built with, for `--version`.
inline constexpr int kLibraryApiVersion = BORINGSSL_API_VERSION;

/// One thing wrong with certificates or keys.
struct TlsError {
  std::string file;        // the file concerned; may be empty
  std::string message;     // "key does not belong to the certificate server.crt", ...
  std::uint32_t line = 0;  // of the file; 0: it is about no line
};

struct Trust;
struct Standing;

/// The lists of one CA's revoked certificates (CRLs), as operators know them.
struct CrlInfo {
  std::string ca;                                       // its subject in one line
  std::chrono::system_clock::time_point next_update{};  // of the one that counts longest
  std::size_t revoked = 0;                              // entries of all of them
  bool is_in_bundle = false;                            // else it counts for CAs that clients send
};

/// An SSL_CTX with everything loaded. Immutable and safe to share between threads; an Engine keeps
/// the one it was made with alive, so a reload never touches a running connection.
///
/// Resumption: a server context that asks for client certificates makes no session tickets, for
/// every connection is then verified against the CA bundle and the clock of today, and its
/// identity comes from the certificate itself. Without client certificates tickets are made, with
/// keys that belong to this context and end with it. A client context resumes nothing.
class Context final {
 public:
  using Ptr = std::shared_ptr<const Context>;
  using Result = std::expected<Ptr, std::vector<TlsError>>;

  /// All errors at once: unreadable files, no certificate inside, a key that does not fit, ... An
  /// expired or not yet valid certificate is accepted here (not_after() tells) and left to peers.
  [[nodiscard]] static Result load_server(const ServerOptions& options);
  [[nodiscard]] static Result load_client(const ClientOptions& options);

  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// End of validity of the own leaf certificate; epoch where there is none.
  [[nodiscard]] std::chrono::system_clock::time_point not_after() const { return not_after_; }
  [[nodiscard]] bool is_server() const { return is_server_; }
  [[nodiscard]] SSL_CTX* native() const { return ctx_.get(); }
  [[nodiscard]] const std::string& server_name() const { return server_name_; }
  /// What a peer's certificate is verified by; null: peers show none.
  [[nodiscard]] const Trust* trust() const { return trust_.get(); }
  /// The CAs of the bundle, in its order.
  [[nodiscard]] std::span<const Authority> authorities() const;
  /// One for each CA, in the order of their names.
  [[nodiscard]] std::vector<CrlInfo> crls() const;
  /// Server role: whether a client may be here with the certificate that it showed to this context,
  /// or to the one that stood in its place before a reload. Null: it showed none.
  [[nodiscard]] Standing judge(const Certificate* certificate,
                               std::chrono::system_clock::time_point now) const;
  /// Largest plaintext of a record that is sent.
  [[nodiscard]] std::uint16_t max_record() const { return max_record_; }
  /// Verify::full: a broker's certificate must be for signatures, in TLS 1.2 as well.
  [[nodiscard]] bool enforces_key_usage() const { return enforces_key_usage_; }
  /// A client without a certificate does not get through the handshake.
  [[nodiscard]] bool requires_certificate() const { return requires_certificate_; }

 private:
  friend class Engine;
  friend class ContextLoader;
  Context();

  // Declared before ctx_, and so destroyed after it: certificates that it holds are in this pool.
  bssl::UniquePtr<CRYPTO_BUFFER_POOL> pool_;
  bssl::UniquePtr<BIO_METHOD> bio_method_;
  std::unique_ptr<const Trust> trust_;
  bssl::UniquePtr<SSL_CTX> ctx_;
  std::string server_name_;
  bool sends_server_name_ = false;  // SNI carries names, never addresses. RFC 6066, 3
  bool is_server_ = false;
  bool requires_certificate_ = false;
  bool enforces_key_usage_ = false;
  std::uint16_t max_record_ = kLargestRecord;
  std::chrono::system_clock::time_point not_after_{};
};

}  // namespace sallyport::tls
