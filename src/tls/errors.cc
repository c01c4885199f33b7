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
      return {Check::tls_no_shared_cipher,
              "no signature algorithm in common (SHA-1 is not used for handshakes)"};
    case SSL_R_WRONG_SIGNATURE_TYPE:
      return {Check::tls_no_shared_cipher,
              "peer signed with an algorithm that was not offered (SHA-1, or another curve)"};
    case SSL_R_BAD_SIGNATURE:
      return {Check::tls_bad_record,
              "peer's signature does not verify: its key is not that of its certificate, or a "
              "message was changed on the way"};
    case SSL_R_KEY_USAGE_BIT_INCORRECT:
      return {Check::certificate_key_usage,
              "peer's certificate has a keyUsage without digitalSignature: issue it with that "
              "(for a broker verify = \"chain\" or \"pinned\" in [broker.tls] lets it pass)"};
    case SSL_R_WRONG_CERTIFICATE_TYPE:
    case SSL_R_UNKNOWN_CERTIFICATE_TYPE:
      return {Check::certificate_weak_key,
              "peer's certificate has a key of a kind that was not offered (RSA, P-256, P-384, "
              "P-521 and Ed25519 are)"};
    case SSL_R_CANNOT_PARSE_LEAF_CERT:
      return {Check::certificate_invalid, "peer's certificate is not valid X.509 in DER form"};
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return {Check::certificate_missing, "peer showed no certificate"};
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return {Check::certificate_invalid, "peer's certificate does not verify"};
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
      return {Check::tls_bad_record, "a record does not decrypt"};
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
      return {Check::tls_protocol,
              "a handshake message is too large (certificates: max_chain_bytes)"};
    case SSL_R_DECODE_ERROR:
    case SSL_R_BAD_HANDSHAKE_RECORD:
    case SSL_R_EXCESS_HANDSHAKE_DATA:
    case SSL_R_PARSE_TLSEXT:
    case SSL_R_ERROR_PARSING_EXTENSION:
      return {Check::tls_protocol, "a handshake message is malformed"};
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_UNEXPECTED_RECORD:
    case SSL_R_CCS_RECEIVED_EARLY:
    case SSL_R_BAD_CHANGE_CIPHER_SPEC:
      return {Check::tls_protocol, "a message that may not come there"};
    case SSL_R_UNEXPECTED_EXTENSION:
    case SSL_R_MISSING_EXTENSION:
    case SSL_R_DUPLICATE_EXTENSION:
      return {Check::tls_protocol, "an extension that may not be there, or must be"};
    case SSL_R_DATA_LENGTH_TOO_LONG:
    case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
      return {Check::tls_protocol, "a record is longer than TLS allows"};
    case SSL_R_DIGEST_CHECK_FAILED:
      return {Check::tls_bad_record, "peer's Finished does not fit what both sides have seen"};
    case SSL_R_WRONG_CURVE:
    case SSL_R_BAD_ECPOINT:
      return {Check::tls_protocol, "a key share that is none of the group's"};
    case SSL_R_BAD_ALERT:
    case SSL_R_UNKNOWN_ALERT_TYPE:
      return {Check::tls_protocol, "an alert that TLS does not have"};
    case SSL_R_WRONG_VERSION_ON_EARLY_DATA:
    case SSL_R_TOO_MUCH_SKIPPED_EARLY_DATA:
      return {Check::tls_protocol, "early data, which is not accepted"};
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_INVALID_OUTER_RECORD_TYPE:
      return {Check::tls_not_tls, "not TLS, or a damaged record"};
    case SSL_R_INAPPROPRIATE_FALLBACK:
      return {Check::tls_version, "peer fell back to an older version than it needs to"};
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
    case SSL_AD_REASON_OFFSET + SSL_AD_RECORD_OVERFLOW:
      return {Check::tls_peer_alert,
              "peer's alert: a record was longer than it takes (max_record of the listener)"};
    case SSL_AD_REASON_OFFSET + SSL_AD_INSUFFICIENT_SECURITY:
      return {Check::tls_peer_alert, "peer's alert: what was offered is too weak for it"};
    case SSL_AD_REASON_OFFSET + SSL_AD_DECRYPT_ERROR:
    case SSL_AD_REASON_OFFSET + SSL_AD_BAD_RECORD_MAC:
      return {Check::tls_peer_alert, "peer's alert: a signature or record does not verify there"};
    case SSL_AD_REASON_OFFSET + SSL_AD_ACCESS_DENIED:
      return {Check::tls_peer_alert,
              "peer's alert: the certificate shown to it is good, and has no access"};
    case SSL_AD_REASON_OFFSET + SSL_AD_INTERNAL_ERROR:
      return {Check::tls_peer_alert, "peer's alert: something failed there"};
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
  if (ERR_GET_LIB(packed) == ERR_LIB_EC || ERR_GET_LIB(packed) == ERR_LIB_EVP) {
    return {Check::certificate_weak_key,
            "a key that is neither RSA, nor of P-256, P-384 or P-521, nor Ed25519"};
  }
  if (ERR_GET_LIB(packed) != ERR_LIB_SSL) {
    return {Check::tls_internal, "the TLS library failed: out of memory, or another cause here"};
  }
  const Failure known = describe_ssl_reason(ERR_GET_REASON(packed));
  if (!known.text.empty()) return known;
  // From here on BoringSSL numbers the alerts that a peer has sent.
  if (ERR_GET_REASON(packed) >= SSL_AD_REASON_OFFSET) {
    return {Check::tls_peer_alert, "peer's alert: it ended the handshake for a reason of its own"};
  }
  return {Check::tls_protocol, "a message or record that TLS does not allow there"};
}

}  // namespace sallyport::tls
