#include "tls/context.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pool.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/stack.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "tls/errors.h"
#include "tls/pem.h"
#include "tls/transport.h"
#include "tls/verify.h"

namespace sallyport::tls {
namespace {

// TLS 1.2: forward secrecy and authenticated encryption only. The brackets leave the choice between
// AES-128 and ChaCha20 to the client, which knows whether it has AES in hardware. TLS 1.3 has no
// others than such, and BoringSSL does not let anybody choose.
constexpr const char* kCiphers =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:ECDHE-RSA-AES256-GCM-SHA384";
// What every device speaks. Larger curves would only make a handshake flood cheaper to mount.
constexpr const char* kGroups = "X25519:P-256";
// Of peers' certificates and handshakes: without SHA-1, with Ed25519.
constexpr std::array<std::uint16_t, 10> kVerifyAlgorithms = {
    SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_ED25519,
    SSL_SIGN_ECDSA_SECP384R1_SHA384, SSL_SIGN_ECDSA_SECP521R1_SHA512,
    SSL_SIGN_RSA_PSS_RSAE_SHA256,    SSL_SIGN_RSA_PSS_RSAE_SHA384,
    SSL_SIGN_RSA_PSS_RSAE_SHA512,    SSL_SIGN_RSA_PKCS1_SHA256,
    SSL_SIGN_RSA_PKCS1_SHA384,       SSL_SIGN_RSA_PKCS1_SHA512};

constexpr std::size_t kMaxChainBytes = std::size_t{32} * 1024;  // a peer's certificates, in DER
constexpr std::size_t kMaxAnnounced = std::size_t{4} * 1024;    // the names of CAs, in DER
constexpr int kMaxChainDepth = 8;                               // intermediates
constexpr unsigned kMinRsaBits = 2048;

/// RFC 1123 names, and underscores, which private networks have.
bool is_dns_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
    if (!fine || ++label > 63) return false;
  }
  return label != 0;
}

struct Address {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t size = 0;  // 4 or 16; 0: the text is no address
};

Address parse_address(const std::string& text) {
  Address address;
  if (::inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) {
    address.size = 4;
  } else if (::inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) {
    address.size = 16;
  }
  return address;
}

std::chrono::system_clock::time_point to_time_point(const ASN1_TIME* time) {
  const std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> epoch(ASN1_TIME_set(nullptr, 0),
                                                               ASN1_TIME_free);
  int days = 0;
  int seconds = 0;
  if (epoch == nullptr || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return {};
  // A certificate may be valid until the year 9999; the clock's type ends earlier.
  using Seconds = std::chrono::seconds;
  const Seconds since_epoch = Seconds(std::int64_t{days} * 86'400 + seconds);
  const auto last = std::chrono::floor<Seconds>(std::chrono::system_clock::duration::max());
  return std::chrono::system_clock::time_point(since_epoch < last ? since_epoch : last);
}

}  // namespace

Context::Context() = default;
Context::~Context() = default;

/// Builds one Context and gathers everything that is wrong on the way.
class ContextLoader final {
 public:
  [[nodiscard]] Context::Result load(const ServerOptions& options);
  [[nodiscard]] Context::Result load(const ClientOptions& options);

 private:
  void wrong(const std::string& file, std::string message) {
    errors_.push_back({file, std::move(message)});
  }
  void out_of_memory() { wrong("", "BoringSSL could not be set up: out of memory"); }

  [[nodiscard]] bool start(bool is_server, ProtocolVersion min_version);
  void own_certificate(const std::string& certificate, const std::string& key);
  void check_pair(const std::string& certificate, const std::string& key,
                  const std::vector<LoadedCertificate>& chain, EVP_PKEY* own_key);
  [[nodiscard]] std::vector<LoadedCertificate> anchors(const std::string& ca, int purpose,
                                                       int trust);
  void announce_cas(const std::vector<LoadedCertificate>& cas);
  void expect_name(std::string name);
  [[nodiscard]] Context::Result finish();

  std::shared_ptr<Context> context_;
  std::vector<TlsError> errors_;
};

bool ContextLoader::start(bool is_server, ProtocolVersion min_version) {
  context_ = std::shared_ptr<Context>(new Context());
  context_->is_server_ = is_server;
  context_->bio_method_ = make_bio_method();
  // "With buffers": certificates are bytes to BoringSSL. Its X509 objects would cost every
  // connection several KiB for as long as it lives.
  context_->ctx_.reset(SSL_CTX_new(TLS_with_buffers_method()));
  SSL_CTX* ctx = context_->ctx_.get();
  const std::uint16_t least =
      min_version == ProtocolVersion::tls1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (ctx == nullptr || context_->bio_method_ == nullptr ||
      SSL_CTX_set_min_proto_version(ctx, least) != 1 ||
      SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_strict_cipher_list(ctx, kCiphers) != 1 ||
      SSL_CTX_set1_curves_list(ctx, kGroups) != 1 ||
      SSL_CTX_set_verify_algorithm_prefs(ctx, kVerifyAlgorithms.data(), kVerifyAlgorithms.size()) !=
          1) {
    out_of_memory();
    return false;
  }
  SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(ctx, kMaxChainBytes);
  return true;
}

void ContextLoader::own_certificate(const std::string& certificate, const std::string& key) {
  if (certificate.empty()) wrong(key, "belongs to no certificate: name the certificate's file too");
  if (key.empty()) wrong(certificate, "has no private key: name the key's file too");
  std::vector<LoadedCertificate> chain;
  bssl::UniquePtr<EVP_PKEY> own_key;
  if (!certificate.empty()) chain = load_certificates(certificate, errors_);
  if (!key.empty()) own_key = load_key(key, errors_);
  if (!chain.empty())
    context_->not_after_ = to_time_point(X509_get0_notAfter(chain[0].parsed.get()));
  if (chain.empty() || own_key == nullptr) return;

  const std::size_t errors_before = errors_.size();
  check_pair(certificate, key, chain, own_key.get());
  if (errors_.size() != errors_before) return;

  std::vector<CRYPTO_BUFFER*> ders;
  for (const LoadedCertificate& one : chain) ders.push_back(one.der.get());
  if (SSL_CTX_set_chain_and_key(context_->ctx_.get(), ders.data(), ders.size(), own_key.get(),
                                nullptr) != 1) {
    wrong(certificate, "cannot be used with the key " + key + ": " +
                           std::string(describe_error(ERR_get_error()).text));
  }
  ERR_clear_error();
}

void ContextLoader::check_pair(const std::string& certificate, const std::string& key,
                               const std::vector<LoadedCertificate>& chain, EVP_PKEY* own_key) {
  const int type = EVP_PKEY_id(own_key);
  if (type != EVP_PKEY_EC && type != EVP_PKEY_RSA && type != EVP_PKEY_ED25519) {
    wrong(key, "is of a type that TLS has no use for; ECDSA, RSA and Ed25519 are supported");
    return;
  }
  if (type == EVP_PKEY_RSA && RSA_bits(EVP_PKEY_get0_RSA(own_key)) < kMinRsaBits) {
    wrong(key, "is an RSA key of fewer than 2048 bits, which peers refuse; make a longer one");
  }
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const bssl::UniquePtr<EVP_PKEY> of_certificate(X509_get_pubkey(chain[i].parsed.get()));
    ERR_clear_error();
    if (of_certificate == nullptr || EVP_PKEY_cmp(of_certificate.get(), own_key) != 1) continue;
    if (i != 0) {
      wrong(certificate, "has the certificate that the key " + key + " belongs to at place " +
                             std::to_string(i + 1) +
                             "; put it first, and behind it the CAs that issued it");
    }
    return;
  }
  wrong(key, "does not belong to the certificate " + certificate +
                 "; use the key that its certificate request was made with");
}

std::vector<LoadedCertificate> ContextLoader::anchors(const std::string& ca, int purpose,
                                                      int trust) {
  std::vector<LoadedCertificate> cas = load_certificates(ca, errors_);
  if (cas.empty()) return cas;
  context_->trust_.reset(X509_STORE_new());
  X509_STORE* store = context_->trust_.get();
  X509_VERIFY_PARAM* param = store == nullptr ? nullptr : X509_STORE_get0_param(store);
  // What is in the bundle is trusted because it is in the bundle (partial chain), and looked for
  // there before what the peer sent (trusted first).
  if (param == nullptr || X509_VERIFY_PARAM_set_purpose(param, purpose) != 1 ||
      X509_VERIFY_PARAM_set_trust(param, trust) != 1 ||
      X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST) !=
          1) {
    out_of_memory();
    return cas;
  }
  X509_VERIFY_PARAM_set_depth(param, kMaxChainDepth);
  for (const LoadedCertificate& one : cas) {
    if (X509_STORE_add_cert(store, one.parsed.get()) != 1) {
      wrong(ca, "holds a certificate that cannot be used as a CA: " +
                    std::string(describe_error(ERR_get_error()).text));
      break;
    }
  }
  ERR_clear_error();
  return cas;
}

/// A client that has several certificates picks the one that these CAs issued. Only a hint (RFC
/// 8446, 4.2.4), and part of every handshake: with a large bundle it is left out, for small devices
/// have small buffers and the message has an end.
void ContextLoader::announce_cas(const std::vector<LoadedCertificate>& cas) {
  std::size_t total = 0;
  bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> names(sk_CRYPTO_BUFFER_new_null());
  if (names == nullptr) return out_of_memory();
  for (const LoadedCertificate& one : cas) {
    const std::uint8_t* der = nullptr;
    std::size_t size = 0;
    bssl::UniquePtr<CRYPTO_BUFFER> name;
    if (X509_NAME_get0_der(X509_get_subject_name(one.parsed.get()), &der, &size) == 1) {
      name.reset(CRYPTO_BUFFER_new(der, size, nullptr));
      total += size;
    }
    if (name == nullptr || !bssl::PushToStack(names.get(), std::move(name))) {
      return out_of_memory();
    }
  }
  if (total > kMaxAnnounced) return;
  SSL_CTX_set0_client_CAs(context_->ctx_.get(), names.release());
}

void ContextLoader::expect_name(std::string name) {
  if (name.ends_with('.')) name.pop_back();  // the root; certificates leave it out
  X509_VERIFY_PARAM* param =
      context_->trust_ == nullptr ? nullptr : X509_STORE_get0_param(context_->trust_.get());
  const Address address = parse_address(name);
  if (address.size == 0 && !is_dns_name(name)) {
    wrong("",
          "server_name is neither a DNS name nor an IP address; write what the broker's "
          "certificate carries");
    return;
  }
  context_->server_name_ = name;
  context_->sends_server_name_ = address.size == 0;
  if (param == nullptr) return;  // the bundle's errors stand already
  // Names count where the standard has them, in subjectAltName; a common name is just a text.
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const int done = address.size != 0
                       ? X509_VERIFY_PARAM_set1_ip(param, address.bytes.data(), address.size)
                       : X509_VERIFY_PARAM_set1_host(param, name.data(), name.size());
  if (done != 1) out_of_memory();
}

Context::Result ContextLoader::finish() {
  ERR_clear_error();
  if (!errors_.empty()) return std::unexpected(std::move(errors_));
  return Context::Ptr(std::move(context_));
}

Context::Result ContextLoader::load(const ServerOptions& options) {
  if (!start(true, options.min_version)) return finish();
  if (options.certificate.empty() && options.key.empty()) {
    wrong("", "a TLS listener needs a certificate and a key");
  } else {
    own_certificate(options.certificate, options.key);
  }

  SSL_CTX* ctx = context_->ctx_.get();
  if (options.client_certificate == ClientCertificate::none) {
    if (!options.client_ca.empty()) {
      wrong(options.client_ca,
            "would never be used: client certificates are not asked for; set "
            "client_certificate to \"optional\" or \"required\", or take "
            "client_ca away");
    }
    SSL_CTX_set_num_tickets(ctx, 1);  // a device reconnects once at a time
    return finish();
  }

  if (options.client_ca.empty()) {
    wrong("",
          "client certificates are asked for, but client_ca names no CA to verify them against");
    return finish();
  }
  const std::vector<LoadedCertificate> cas =
      anchors(options.client_ca, X509_PURPOSE_SSL_CLIENT, X509_TRUST_SSL_CLIENT);
  for (std::size_t i = 0; i < cas.size(); ++i) {
    if (X509_check_ca(cas[i].parsed.get()) == 0) {
      wrong(options.client_ca, "certificate " + std::to_string(i + 1) +
                                   " in it is not a CA's; put the CA there that issued the "
                                   "clients' certificates");
    }
  }
  announce_cas(cas);
  const int mode = options.client_certificate == ClientCertificate::required
                       ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                       : SSL_VERIFY_PEER;
  SSL_CTX_set_custom_verify(ctx, mode, verify_peer);
  context_->requires_certificate_ = options.client_certificate == ClientCertificate::required;
  // The identity has been read when the handshake ends; nobody asks for the certificate again.
  SSL_CTX_set_retain_only_sha256_of_client_certs(ctx, 1);
  // No resumption: see the class comment.
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  return finish();
}

Context::Result ContextLoader::load(const ClientOptions& options) {
  if (!start(false, options.min_version)) return finish();
  if (!options.certificate.empty() || !options.key.empty()) {
    own_certificate(options.certificate, options.key);
  }
  if (options.ca.empty()) {
    wrong("", "TLS to the broker needs a ca to verify the broker's certificate against");
  } else {
    // A broker's own self-signed certificate may stand here: then it, and no other, is trusted.
    static_cast<void>(anchors(options.ca, X509_PURPOSE_SSL_SERVER, X509_TRUST_SSL_SERVER));
  }
  expect_name(options.server_name);

  // BoringSSL keeps the broker's chain for each connection: one copy for all of them.
  context_->pool_.reset(CRYPTO_BUFFER_POOL_new());
  if (context_->pool_ == nullptr) {
    out_of_memory();
    return finish();
  }
  SSL_CTX* ctx = context_->ctx_.get();
  SSL_CTX_set0_buffer_pool(ctx, context_->pool_.get());
  SSL_CTX_set_custom_verify(ctx, SSL_VERIFY_PEER, verify_peer);
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  return finish();
}

Context::Result Context::load_server(const ServerOptions& options) {
  return ContextLoader().load(options);
}

Context::Result Context::load_client(const ClientOptions& options) {
  return ContextLoader().load(options);
}

}  // namespace sallyport::tls
