#include "tls/errors.h"

#include <openssl/cipher.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace sallyport::tls {
namespace {

Failure describe_ssl_reason(int reason) {
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return {Check::tls_not_tls, "not TLS: an HTTP request"};
    case SSL_R_WRONG_VERSION_NUMBER:
      return {Check::tls_not_tls, "not TLS, or a damaged record"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return {Check::tls_version, "peer offers no TLS version that is allowed here"};
    case SSL_R_NO_SHARED_CIPHER:
      return {Check::tls_no_shared_cipher, "no cipher suite in common"};
    case SSL_R_NO_SHARED_GROUP:
      return {Check::tls_no_shared_cipher, "no key exchange group in common"};
    case SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS:
      return {Check::tls_no_shared_cipher, "no signature algorithm in common"};
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return {Check::certificate_missing, "peer showed no certificate"};
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return {Check::certificate_invalid, "peer's certificate does not verify"};
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
      return {Check::tls_bad_record, "a record does not decrypt"};
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
      return {Check::tls_protocol, "a handshake message is too large"};
    case SSL_R_TOO_MANY_EMPTY_FRAGMENTS:
    case SSL_R_TOO_MANY_KEY_UPDATES:
    case SSL_R_TOO_MANY_WARNING_ALERTS:
      return {Check::tls_protocol, "a flood of records without data"};
    case SSL_R_NO_RENEGOTIATION:
      return {Check::tls_protocol, "renegotiation is refused"};
    case SSL_AD_REASON_OFFSET + SSL_AD_HANDSHAKE_FAILURE:
      return {Check::tls_peer_alert,
              "peer's alert: handshake failure (nothing in common, or no certificate shown)"};
    case SSL_AD_REASON_OFFSET + SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_REASON_OFFSET + SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_UNKNOWN:
      return {Check::tls_peer_alert, "peer's alert: it refuses the certificate shown to it"};
    case SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_REVOKED:
      return {Check::tls_peer_alert, "peer's alert: the certificate shown to it is revoked"};
    case SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_EXPIRED:
      return {Check::tls_peer_alert, "peer's alert: the certificate shown to it has expired"};
    case SSL_AD_REASON_OFFSET + SSL_AD_UNKNOWN_CA:
      return {Check::tls_peer_alert,
              "peer's alert: it does not know the CA of the certificate shown to it"};
    case SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_REQUIRED:
      return {Check::tls_peer_alert, "peer's alert: it asks for a certificate"};
    case SSL_AD_REASON_OFFSET + SSL_AD_PROTOCOL_VERSION:
      return {Check::tls_peer_alert, "peer's alert: no TLS version in common"};
    case SSL_AD_REASON_OFFSET + SSL_AD_UNRECOGNIZED_NAME:
      return {Check::tls_peer_alert, "peer's alert: it does not serve that name"};
    case SSL_AD_REASON_OFFSET + SSL_AD_USER_CANCELLED:
      return {Check::tls_peer_alert, "peer's alert: handshake cancelled"};
    default:
      return {};
  }
}

}  // namespace

Failure describe_error(std::uint32_t packed) {
  if (packed == 0) {
    return {Check::tls_closed, "peer ended the connection in the middle of the handshake"};
  }
  // The cipher's own error comes before what the record layer says of it.
  if (ERR_GET_LIB(packed) == ERR_LIB_CIPHER && ERR_GET_REASON(packed) == CIPHER_R_BAD_DECRYPT) {
    return describe_ssl_reason(SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
  }
  Check check = Check::tls_internal;
  if (ERR_GET_LIB(packed) == ERR_LIB_SSL) {
    const Failure known = describe_ssl_reason(ERR_GET_REASON(packed));
    if (!known.text.empty()) return known;
    // From here on BoringSSL numbers the alerts that a peer has sent.
    check = ERR_GET_REASON(packed) >= SSL_AD_REASON_OFFSET ? Check::tls_peer_alert
                                                           : Check::tls_protocol;
  }
  const char* reason = ERR_reason_error_string(packed);
  return {check, reason == nullptr ? std::string_view("unknown TLS error") : reason};
}

}  // namespace sallyport::tls
