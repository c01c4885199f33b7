#include "tls/verify.h"

#include <new>
#include <utility>

#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/stack.h>
#include <openssl/x509.h>

#include "tls/context.h"
#include "tls/identity.h"
#include "tls/transport.h"

namespace sallyport::tls {
namespace {

constexpr Failure kNoMemory{Check::tls_internal, "out of memory"};

ssl_verify_result_t refuse(Transport& transport, Failure why, std::uint8_t& alert, int code) {
  transport.failure = why;
  alert = static_cast<std::uint8_t>(code);
  return ssl_verify_invalid;
}

bool is_unknown_issuer(long code) {
  return code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
         code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE || code == X509_V_ERR_CERT_UNTRUSTED;
}

/// Did the search for an issuer end because the chain is as long as it may be? BoringSSL then says
/// that the issuer is not known, which is what it says of a foreign chain.
bool is_cut(X509_STORE_CTX* verifier) {
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(verifier);
  const int depth = X509_VERIFY_PARAM_get_depth(X509_STORE_CTX_get0_param(verifier));
  return chain != nullptr && sk_X509_num(chain) > static_cast<std::size_t>(depth);
}

}  // namespace

ssl_verify_result_t verify_peer(SSL* ssl, std::uint8_t* alert) {
  Transport& transport = *transport_of(ssl);
  const STACK_OF(CRYPTO_BUFFER)* shown = SSL_get0_peer_certificates(ssl);
  if (shown == nullptr || sk_CRYPTO_BUFFER_num(shown) == 0 ||
      transport.context->trust() == nullptr) {
    return refuse(transport, {Check::certificate_missing, "peer showed no certificate"}, *alert,
                  SSL_AD_CERTIFICATE_REQUIRED);
  }

  CRYPTO_BUFFER* const leaf_der = sk_CRYPTO_BUFFER_value(shown, 0);
  bssl::UniquePtr<X509> leaf;
  const bssl::UniquePtr<STACK_OF(X509)> chain(sk_X509_new_null());
  if (chain == nullptr) {
    return refuse(transport, kNoMemory, *alert, SSL_AD_INTERNAL_ERROR);
  }
  for (std::size_t i = 0; i < sk_CRYPTO_BUFFER_num(shown); ++i) {
    bssl::UniquePtr<X509> parsed(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(shown, i)));
    if (parsed == nullptr) {
      return refuse(transport, {Check::certificate_invalid, "peer's certificate cannot be parsed"},
                    *alert, SSL_AD_BAD_CERTIFICATE);
    }
    if (i == 0) {
      leaf = std::move(parsed);
    } else if (!bssl::PushToStack(chain.get(), std::move(parsed))) {
      return refuse(transport, kNoMemory, *alert, SSL_AD_INTERNAL_ERROR);
    }
  }

  // Read before it is verified, so that a refusal can say whose certificate it was.
  std::string_view ambiguous;
  if (SSL_is_server(ssl) != 0) {
    if (auto certificate = read_certificate(leaf.get(), leaf_der)) {
      *transport.peer = std::make_shared<const Certificate>(std::move(*certificate));
    } else {
      ambiguous = certificate.error();
    }
  }

  const bssl::UniquePtr<X509_STORE_CTX> verifier(X509_STORE_CTX_new());
  if (verifier == nullptr || X509_STORE_CTX_init(verifier.get(), transport.context->trust(),
                                                 leaf.get(), chain.get()) != 1) {
    return refuse(transport, kNoMemory, *alert, SSL_AD_INTERNAL_ERROR);
  }
  if (X509_verify_cert(verifier.get()) != 1) {
    long code = X509_STORE_CTX_get_error(verifier.get());
    if (code == X509_V_OK) code = X509_V_ERR_UNSPECIFIED;  // no reason to trust it even so
    if (is_unknown_issuer(code) && is_cut(verifier.get())) code = X509_V_ERR_CERT_CHAIN_TOO_LONG;
    return refuse(transport, describe_verify_error(code), *alert,
                  SSL_alert_from_verify_result(code));
  }
  if (!ambiguous.empty()) {
    return refuse(transport, {Check::certificate_invalid, ambiguous}, *alert,
                  SSL_AD_BAD_CERTIFICATE);
  }
  return ssl_verify_ok;
}

Failure describe_verify_error(long code) {
  switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_UNTRUSTED:
      return {Check::certificate_untrusted,
              "peer's certificate was not issued by a CA of the configured bundle"};
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return {Check::certificate_invalid,
              "peer's certificate has a signature that does not verify"};
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {Check::certificate_expired, "peer's certificate, or one of its chain, has expired"};
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {Check::certificate_not_yet_valid,
              "peer's certificate, or one of its chain, is not valid yet"};
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return {Check::certificate_invalid, "peer's certificate chain is too long"};
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_CERT_REJECTED:
      return {Check::certificate_purpose,
              "peer's certificate may not be used for this purpose (extended key usage)"};
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
      return {Check::certificate_purpose,
              "peer's certificate was issued by a certificate that may not issue it"};
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return {
          Check::certificate_name,
          "broker's certificate does not carry the expected name as a subject alternative name"};
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {Check::certificate_name,
              "broker's certificate does not carry the expected address as a subject alternative "
              "name"};
    case X509_V_ERR_OUT_OF_MEM:
      return kNoMemory;
    default:
      // Static storage, and about the certificate's form, never with words out of it.
      return {Check::certificate_invalid, X509_verify_cert_error_string(code)};
  }
}

}  // namespace sallyport::tls
