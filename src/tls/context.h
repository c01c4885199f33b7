#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include <openssl/base.h>

/// Certificates and keys, loaded and checked. BoringSSL is named in this folder only.
namespace sallyport::tls {

/// The version of BoringSSL's interface that this was built with, for `--version`.
inline constexpr int kLibraryApiVersion = BORINGSSL_API_VERSION;

enum class ClientCertificate : std::uint8_t { none, optional, required };
enum class ProtocolVersion : std::uint8_t { tls1_2, tls1_3 };

/// Paths are as the operator wrote them, already resolved against the file they stood in.
struct ServerOptions {
  std::string certificate;  // PEM, leaf first, then intermediates
  std::string key;          // PEM, PKCS#8 or traditional, not encrypted
  std::string client_ca;    // PEM bundle; needed unless client_certificate is none
  ClientCertificate client_certificate = ClientCertificate::none;
  ProtocolVersion min_version = ProtocolVersion::tls1_2;
};

struct ClientOptions {
  std::string ca;           // PEM bundle that the broker's certificate must chain to
  std::string server_name;  // name or address that it must carry; a name is sent as SNI
  std::string certificate;  // optional, with `key`
  std::string key;
  ProtocolVersion min_version = ProtocolVersion::tls1_2;
};

/// One thing wrong with certificates or keys.
struct TlsError {
  std::string file;     // the file concerned; may be empty
  std::string message;  // "key does not belong to the certificate server.crt", ...
};

/// An SSL_CTX with everything loaded. Immutable and safe to share between threads; an Engine keeps
/// the one it was made with alive, so a reload never touches a running connection.
///
/// Trust: every certificate of a CA bundle is an anchor of its own, so a bundle with only an
/// intermediate CA trusts what that CA signed and nothing else.
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
  /// What a peer's certificate must chain to; null: peers show none.
  [[nodiscard]] X509_STORE* trust() const { return trust_.get(); }
  /// A client without a certificate does not get through the handshake.
  [[nodiscard]] bool requires_certificate() const { return requires_certificate_; }

 private:
  friend class Engine;
  friend class ContextLoader;
  Context();

  // Declared before ctx_, and so destroyed after it: certificates that it holds are in this pool.
  bssl::UniquePtr<CRYPTO_BUFFER_POOL> pool_;
  bssl::UniquePtr<BIO_METHOD> bio_method_;
  bssl::UniquePtr<X509_STORE> trust_;  // null: peers show no certificate
  bssl::UniquePtr<SSL_CTX> ctx_;
  std::string server_name_;
  bool sends_server_name_ = false;  // SNI carries names, never addresses. RFC 6066, 3
  bool is_server_ = false;
  bool requires_certificate_ = false;
  std::chrono::system_clock::time_point not_after_{};
};

}  // namespace sallyport::tls
