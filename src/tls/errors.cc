#include "tls/errors.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace sallyport::tls {
namespace {

std::string_view describe_ssl_reason(int reason) {
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return "not TLS: an HTTP request";
    case SSL_R_WRONG_VERSION_NUMBER:
      return "not TLS, or a damaged record";
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return "peer offers no TLS version that is allowed here";
    case SSL_R_NO_SHARED_CIPHER:
      return "no cipher suite in common";
    case SSL_R_NO_SHARED_GROUP:
      return "no key exchange group in common";
    case SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS:
      return "no signature algorithm in common";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "peer showed no certificate";
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return "peer's certificate does not verify";
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
      return "a record does not decrypt";
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
      return "a handshake message is too large";
    case SSL_R_TOO_MANY_EMPTY_FRAGMENTS:
    case SSL_R_TOO_MANY_KEY_UPDATES:
    case SSL_R_TOO_MANY_WARNING_ALERTS:
      return "a flood of records without data";
    case SSL_R_NO_RENEGOTIATION:
      return "renegotiation is refused";
    case SSL_AD_REASON_OFFSET + SSL_AD_HANDSHAKE_FAILURE:
      return "peer's alert: handshake failure (nothing in common, or no certificate shown)";
    case SSL_AD_REASON_OFFSET + SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_REASON_OFFSET + SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_UNKNOWN:
      return "peer's alert: it refuses the certificate shown to it";
    case SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_REVOKED:
      return "peer's alert: the certificate shown to it is revoked";
    case SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_EXPIRED:
      return "peer's alert: the certificate shown to it has expired";
    case SSL_AD_REASON_OFFSET + SSL_AD_UNKNOWN_CA:
      return "peer's alert: it does not know the CA of the certificate shown to it";
    case SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_REQUIRED:
      return "peer's alert: it asks for a certificate";
    case SSL_AD_REASON_OFFSET + SSL_AD_PROTOCOL_VERSION:
      return "peer's alert: no TLS version in common";
    case SSL_AD_REASON_OFFSET + SSL_AD_UNRECOGNIZED_NAME:
      return "peer's alert: it does not serve that name";
    case SSL_AD_REASON_OFFSET + SSL_AD_USER_CANCELLED:
      return "peer's alert: handshake cancelled";
    default:
      return {};
  }
}

}  // namespace

std::string_view describe_error(std::uint32_t packed) {
  if (packed == 0) return "peer ended the connection in the middle of the handshake";
  if (ERR_GET_LIB(packed) == ERR_LIB_SSL) {
    const std::string_view known = describe_ssl_reason(ERR_GET_REASON(packed));
    if (!known.empty()) return known;
  }
  const char* reason = ERR_reason_error_string(packed);
  return reason == nullptr ? std::string_view("unknown TLS error") : std::string_view(reason);
}

}  // namespace sallyport::tls
