#include "tls/context.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include <openssl/stack.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "tls/errors.h"
#include "tls/pem.h"
#include "tls/record_size.h"
#include "tls/standing.h"
#include "tls/strength.h"
#include "tls/transport.h"
#include "tls/trust.h"
#include "tls/validity.h"
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
// Of handshakes, for what peers sign and for what is signed here: without SHA-1 (RFC 9155), with
// Ed25519.
constexpr std::array<std::uint16_t, 10> kSignatures = {
    SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_ED25519,
    SSL_SIGN_ECDSA_SECP384R1_SHA384, SSL_SIGN_ECDSA_SECP521R1_SHA512,
    SSL_SIGN_RSA_PSS_RSAE_SHA256,    SSL_SIGN_RSA_PSS_RSAE_SHA384,
    SSL_SIGN_RSA_PSS_RSAE_SHA512,    SSL_SIGN_RSA_PKCS1_SHA256,
    SSL_SIGN_RSA_PKCS1_SHA384,       SSL_SIGN_RSA_PKCS1_SHA512};

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

}  // namespace

Context::Context() = default;
Context::~Context() = default;

std::span<const Authority> Context::authorities() const {
  return trust_ == nullptr ? std::span<const Authority>() : trust_->authorities;
}

std::vector<CrlInfo> Context::crls() const {
  std::map<std::string, CrlInfo> by_name;
  if (trust_ == nullptr) return {};
  for (const auto& crl : trust_->crls) {
    CrlInfo& info = by_name[crl->title()];
    info.ca = crl->title();
    info.next_update = std::max(info.next_update, crl->ends());
    info.revoked += crl->size();
    info.is_in_bundle =
        std::ranges::any_of(trust_->cas, [&crl](const Issuer& ca) { return crl->names(ca); });
  }
  std::vector<CrlInfo> all;
  for (auto& [name, info] : by_name) all.push_back(std::move(info));
  return all;
}

Standing Context::judge(const Certificate* certificate,
                        std::chrono::system_clock::time_point now) const {
  if (certificate == nullptr) {
    if (!requires_certificate_) return {};
    return {.failure = {Check::certificate_missing, "peer showed no certificate"}};
  }
  if (trust_ == nullptr) {
    return {.failure = {Check::certificate_untrusted, "no CA is configured any more"}};
  }
  return judge_standing(*trust_, *certificate, now);
}

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

  [[nodiscard]] bool start(bool is_server, ProtocolVersion min_version,
                           ProtocolVersion max_version);
  void ask_peers(const PeerOptions& asked, int mode);
  void own_certificate(const std::string& certificate, const std::string& key);
  void check_pair(const std::string& certificate, const std::string& key,
                  const std::vector<LoadedCertificate>& chain, EVP_PKEY* own_key);
  [[nodiscard]] std::vector<LoadedCertificate> anchors(const std::string& ca, int purpose,
                                                       int trusted_for);
  void load_revocation(const RevocationOptions& options);
  void announce_cas(const std::vector<LoadedCertificate>& cas, std::size_t most);
  void trust_broker(const ClientOptions& options);
  void expect_name(std::string name, bool verify);
  [[nodiscard]] Context::Result finish();

  std::shared_ptr<Context> context_;
  std::unique_ptr<Trust> trust_;  // null: peers show no certificate
  std::vector<TlsError> errors_;
};

std::uint16_t wire_version(ProtocolVersion version) {
  return version == ProtocolVersion::tls1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

bool ContextLoader::start(bool is_server, ProtocolVersion min_version,
                          ProtocolVersion max_version) {
  context_ = std::shared_ptr<Context>(new Context());
  context_->is_server_ = is_server;
  context_->bio_method_ = make_bio_method();
  // "With buffers": certificates are bytes to BoringSSL. Its X509 objects would cost every
  // connection several KiB for as long as it lives.
  context_->ctx_.reset(SSL_CTX_new(TLS_with_buffers_method()));
  SSL_CTX* ctx = context_->ctx_.get();
  if (ctx == nullptr || context_->bio_method_ == nullptr ||
      SSL_CTX_set_min_proto_version(ctx, wire_version(min_version)) != 1 ||
      SSL_CTX_set_max_proto_version(ctx, wire_version(max_version)) != 1 ||
      SSL_CTX_set_strict_cipher_list(ctx, kCiphers) != 1 ||
      SSL_CTX_set1_curves_list(ctx, kGroups) != 1 ||
      SSL_CTX_set_verify_algorithm_prefs(ctx, kSignatures.data(), kSignatures.size()) != 1 ||
      SSL_CTX_set_signing_algorithm_prefs(ctx, kSignatures.data(), kSignatures.size()) != 1) {
    out_of_memory();
    return false;
  }
  SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  return true;
}

/// Peers are asked for a certificate, which is verified by `trust_`.
void ContextLoader::ask_peers(const PeerOptions& asked, int mode) {
  trust_ = std::make_unique<Trust>();
  trust_->asked = asked;
  SSL_CTX_set_max_cert_list(context_->ctx_.get(), asked.max_chain_bytes);
  SSL_CTX_set_custom_verify(context_->ctx_.get(), mode, verify_peer);
}

void ContextLoader::own_certificate(const std::string& certificate, const std::string& key) {
  if (certificate.empty()) wrong(key, "belongs to no certificate: name the certificate's file too");
  if (key.empty()) wrong(certificate, "has no private key: name the key's file too");
  std::vector<LoadedCertificate> chain;
  bssl::UniquePtr<EVP_PKEY> own_key;
  if (!certificate.empty()) chain = load_certificates(certificate, errors_);
  if (!key.empty()) own_key = load_key(key, errors_);
  if (!chain.empty()) context_->not_after_ = tls::not_after(chain[0].parsed.get());
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
  if (key_facts(own_key).strength != KeyStrength::strong) {
    wrong(key, type == EVP_PKEY_RSA
                   ? "is an RSA key of fewer than 2048 bits, which peers refuse; make a longer one"
                   : "is of a curve below P-256, which peers refuse; make one of P-256");
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
                                                      int trusted_for) {
  std::vector<LoadedCertificate> cas = load_certificates(ca, errors_);
  if (!cas.empty()) add_anchors(*trust_, ca, cas, purpose, trusted_for, errors_);
  return cas;
}

void ContextLoader::load_revocation(const RevocationOptions& options) {
  trust_->crl_fail = options.crl_fail;
  for (const std::string& file : options.crl) {
    for (auto& parsed : load_crls(file, errors_)) {
      auto crl = Crl::make(std::move(parsed));
      if (!crl) {
        wrong(file, crl.error());
        continue;
      }
      const auto names = [&crl](const Issuer& ca) { return (*crl)->names(ca); };
      const auto signed_it = [&crl](const Issuer& ca) { return (*crl)->is_by(ca); };
      if (std::ranges::any_of(trust_->cas, names) && std::ranges::none_of(trust_->cas, signed_it)) {
        wrong(file, "is not signed by the CA of client_ca that it names, \"" + (*crl)->title() +
                        "\"; it is of a CA with another key, or that CA's keyUsage has no cRLSign");
      }
      trust_->crls.push_back(std::move(*crl));
    }
  }
  trust_->denied = load_certificate_list(options.deny_lists, false, errors_);
  trust_->exceptions = load_certificate_list(options.exception_lists, true, errors_);
}

/// A client that has several certificates picks the one that these CAs issued. Only a hint (RFC
/// 8446, 4.2.4), and part of every handshake: with a large bundle it is left out, for small devices
/// have small buffers and the message has an end.
void ContextLoader::announce_cas(const std::vector<LoadedCertificate>& cas, std::size_t most) {
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
  if (total > most) return;
  SSL_CTX_set0_client_CAs(context_->ctx_.get(), names.release());
}

/// `verify`: the broker's certificate must carry it; else it is sent, and no more.
void ContextLoader::expect_name(std::string name, bool verify) {
  if (name.ends_with('.')) name.pop_back();  // the root; certificates leave it out
  X509_VERIFY_PARAM* param =
      trust_->store == nullptr ? nullptr : X509_STORE_get0_param(trust_->store.get());
  const Address address = parse_address(name);
  if (address.size == 0 && !is_dns_name(name)) {
    wrong("",
          "server_name is neither a DNS name nor an IP address; write what the broker's "
          "certificate carries");
    return;
  }
  context_->server_name_ = name;
  context_->sends_server_name_ = address.size == 0;
  if (param == nullptr || !verify) return;  // the bundle's errors stand already
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
  context_->trust_ = std::move(trust_);
  return Context::Ptr(std::move(context_));
}

Context::Result ContextLoader::load(const ServerOptions& options) {
  if (!start(true, options.min_version, ProtocolVersion::tls1_3)) return finish();
  if (options.certificate.empty() && options.key.empty()) {
    wrong("", "a TLS listener needs a certificate and a key");
  } else {
    own_certificate(options.certificate, options.key);
  }

  SSL_CTX* ctx = context_->ctx_.get();
  context_->max_record_ = options.max_record;
  SSL_CTX_set_max_send_fragment(ctx, options.max_record);
  SSL_CTX_set_select_certificate_cb(ctx, read_record_size);
  if (options.client_certificate == ClientCertificate::none) {
    if (!options.client_ca.empty()) {
      wrong(options.client_ca,
            "would never be used: client certificates are not asked for; set "
            "client_certificate to \"optional\" or \"required\", or take "
            "client_ca away");
    }
    if (options.any()) {
      wrong("",
            "crl, deny_lists and exception_lists would never be used: client certificates are not "
            "asked for");
    }
    SSL_CTX_set_num_tickets(ctx, 1);  // a device reconnects once at a time
    return finish();
  }

  if (options.client_ca.empty()) {
    wrong("",
          "client certificates are asked for, but client_ca names no CA to verify them against");
    return finish();
  }
  const bool required = options.client_certificate == ClientCertificate::required;
  ask_peers(options,
            required ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER);
  trust_->names = options;
  context_->requires_certificate_ = required;
  const std::vector<LoadedCertificate> cas =
      anchors(options.client_ca, X509_PURPOSE_SSL_CLIENT, X509_TRUST_SSL_CLIENT);
  for (std::size_t i = 0; i < cas.size(); ++i) {
    if (X509_check_ca(cas[i].parsed.get()) == 0) {
      wrong(options.client_ca, "certificate " + std::to_string(i + 1) +
                                   " in it is not a CA's; put the CA there that issued the "
                                   "clients' certificates");
    }
  }
  load_revocation(options);
  announce_cas(cas, options.max_ca_names);
  // The identity has been read when the handshake ends; nobody asks for the certificate again.
  SSL_CTX_set_retain_only_sha256_of_client_certs(ctx, 1);
  // No resumption: see the class comment.
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  return finish();
}

void ContextLoader::trust_broker(const ClientOptions& options) {
  ask_peers(options, SSL_VERIFY_PEER);
  context_->enforces_key_usage_ = options.verify == Verify::full;
  if (options.verify == Verify::pinned) {
    trust_->pins = options.pins;
    if (options.pins.empty()) wrong("", "verify = \"pinned\" needs pins");
    if (!options.ca.empty()) wrong(options.ca, "would never be used: verify is \"pinned\"");
    return;
  }
  if (!options.pins.empty()) wrong("", "pins count only with verify = \"pinned\"");
  if (options.ca.empty()) {
    wrong("", "TLS to the broker needs a ca to verify the broker's certificate against");
    return;
  }
  // A broker's own self-signed certificate may stand here: then it, and no other, is trusted.
  static_cast<void>(anchors(options.ca, X509_PURPOSE_SSL_SERVER, X509_TRUST_SSL_SERVER));
}

Context::Result ContextLoader::load(const ClientOptions& options) {
  const bool newest =
      options.verify == Verify::full || options.min_version == ProtocolVersion::tls1_3;
  const ProtocolVersion most =
      options.max_version.value_or(newest ? ProtocolVersion::tls1_3 : ProtocolVersion::tls1_2);
  if (!start(false, options.min_version, most)) return finish();
  if (most < options.min_version) wrong("", "max_version is below min_version");
  if (!options.certificate.empty() || !options.key.empty()) {
    own_certificate(options.certificate, options.key);
  }
  trust_broker(options);
  expect_name(options.server_name, options.verify == Verify::full);

  // BoringSSL keeps the broker's chain for each connection: one copy for all of them.
  context_->pool_.reset(CRYPTO_BUFFER_POOL_new());
  if (context_->pool_ == nullptr) {
    out_of_memory();
    return finish();
  }
  SSL_CTX* ctx = context_->ctx_.get();
  SSL_CTX_set0_buffer_pool(ctx, context_->pool_.get());
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
