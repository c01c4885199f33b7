#include "tls/verify.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include <openssl/pool.h>
#include <openssl/stack.h>
#include <openssl/x509.h>

#include "tls/chain.h"
#include "tls/context.h"
#include "tls/identity.h"
#include "tls/issuers.h"
#include "tls/standing.h"
#include "tls/strength.h"
#include "tls/transport.h"
#include "tls/validity.h"

namespace sallyport::tls {
namespace {

ssl_verify_result_t refuse(Transport& transport, Failure why, std::uint8_t& alert, int code) {
  transport.failure = why;
  alert = static_cast<std::uint8_t>(code);
  return ssl_verify_invalid;
}

/// The certificate is one that the operator has named, so nothing but its key has to hold: neither
/// who signed it, nor until when, nor for what.
ChainVerdict verify_pin(const Trust& trust, X509* leaf, const CRYPTO_BUFFER* der) {
  if (std::ranges::find(trust.pins, fingerprint_of(der)) == trust.pins.end()) {
    return {.failure = {Check::certificate_pin,
                        "broker's certificate is none of [broker.tls] pins; it may have been "
                        "renewed: openssl x509 -noout -fingerprint -sha256 shows the new one's"},
            .alert = SSL_AD_BAD_CERTIFICATE};
  }
  ChainVerdict verdict;
  verdict.failure = check_strength(leaf, trust.asked, true, true, verdict.needs);
  if (!verdict.failure.text.empty()) verdict.alert = SSL_AD_INSUFFICIENT_SECURITY;
  verdict.end = not_after(leaf);
  return verdict;
}

/// The names of a client that is refused are kept, too, so that the refusal can say whose
/// certificate it was.
ssl_verify_result_t verify_client(Transport& transport, X509* leaf, const CRYPTO_BUFFER* der,
                                  STACK_OF(X509) * sent, std::uint8_t& alert) {
  const Trust& trust = *transport.context->trust();
  const auto now = std::chrono::system_clock::now();
  auto certificate = std::make_shared<Certificate>(read_certificate(leaf, der, trust.names));
  *transport.peer = certificate;
  const bool excused =
      trust.exceptions.size() != 0 && now >= over_at(certificate->not_after) &&
      excused_until(trust, *certificate, title_of(X509_get_issuer_name(leaf)), now);
  const ChainVerdict verdict = verify_chain(trust, leaf, sent, excused);
  if (!verdict.failure.text.empty()) {
    return refuse(transport, verdict.failure, alert, verdict.alert);
  }
  std::vector<X509*> way;
  for (const auto& ca : verdict.way) way.push_back(ca.get());
  certificate->needs = verdict.needs;
  certificate->issuers = trust.issuers.get(way);
  const Standing standing = judge_standing(trust, *certificate, now);
  if (!standing.good()) return refuse(transport, standing.failure, alert, standing.alert);
  return ssl_verify_ok;
}

}  // namespace

ssl_verify_result_t verify_peer(SSL* ssl, std::uint8_t* alert) {
  Transport& transport = *transport_of(ssl);
  const STACK_OF(CRYPTO_BUFFER)* shown = SSL_get0_peer_certificates(ssl);
  const Trust* const trust = transport.context->trust();
  if (shown == nullptr || sk_CRYPTO_BUFFER_num(shown) == 0 || trust == nullptr) {
    return refuse(transport, {Check::certificate_missing, "peer showed no certificate"}, *alert,
                  SSL_AD_CERTIFICATE_REQUIRED);
  }

  CRYPTO_BUFFER* const leaf_der = sk_CRYPTO_BUFFER_value(shown, 0);
  bssl::UniquePtr<X509> leaf;
  const bssl::UniquePtr<STACK_OF(X509)> chain(sk_X509_new_null());
  if (chain == nullptr) {
    return refuse(transport, describe_verify_error(X509_V_ERR_OUT_OF_MEM), *alert,
                  SSL_AD_INTERNAL_ERROR);
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < sk_CRYPTO_BUFFER_num(shown); ++i) {
    bytes += CRYPTO_BUFFER_len(sk_CRYPTO_BUFFER_value(shown, i));
    // BoringSSL takes a message of 16 KiB in any case.
    if (bytes > trust->asked.max_chain_bytes) {
      return refuse(
          transport,
          {Check::certificate_chain, "peer's certificates take more bytes than max_chain_bytes"},
          *alert, SSL_AD_BAD_CERTIFICATE);
    }
    bssl::UniquePtr<X509> parsed(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(shown, i)));
    if (parsed == nullptr) {
      return refuse(transport,
                    {Check::certificate_invalid,
                     i == 0 ? "peer's certificate is not valid X.509 (DER form, a name or an "
                              "extension)"
                            : "a CA that the peer sent is not valid X.509 (DER form, a name or "
                              "an extension)"},
                    *alert, SSL_AD_BAD_CERTIFICATE);
    }
    if (i == 0) {
      leaf = std::move(parsed);
    } else if (!bssl::PushToStack(chain.get(), std::move(parsed))) {
      return refuse(transport, describe_verify_error(X509_V_ERR_OUT_OF_MEM), *alert,
                    SSL_AD_INTERNAL_ERROR);
    }
  }

  if (SSL_is_server(ssl) != 0) {
    return verify_client(transport, leaf.get(), leaf_der, chain.get(), *alert);
  }
  const ChainVerdict verdict = trust->store == nullptr
                                   ? verify_pin(*trust, leaf.get(), leaf_der)
                                   : verify_chain(*trust, leaf.get(), chain.get());
  transport.chain_end = verdict.end;
  if (!verdict.failure.text.empty()) {
    return refuse(transport, verdict.failure, *alert, verdict.alert);
  }
  return ssl_verify_ok;
}

}  // namespace sallyport::tls
