#include <openssl/x509.h>

#include "tls/errors.h"

namespace sallyport::tls {

Failure describe_missing_names() {
  return {Check::certificate_name,
          "broker's certificate has no subjectAltName, and its common name does not count; "
          "issue it with one, or set verify = \"chain\" or \"pinned\" in [broker.tls]"};
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
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
      return {Check::certificate_invalid,
              "peer's certificate has a signature that does not verify"};
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
      return {Check::certificate_weak_key,
              "a CA of the peer's chain has a key that is neither RSA, nor of P-256, P-384 or "
              "P-521, nor Ed25519"};
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {Check::certificate_expired, "peer's certificate, or one of its chain, has expired"};
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {Check::certificate_not_yet_valid,
              "peer's certificate, or one of its chain, is not valid yet"};
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
      return {Check::certificate_invalid,
              "validity (notBefore, notAfter) of the peer's certificate cannot be read"};
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return {Check::certificate_chain,
              "peer's certificate chain has more CAs between its certificate and the bundle than "
              "max_chain"};
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_CERT_REJECTED:
      return {Check::certificate_purpose,
              "peer's certificate may not be used for this purpose (extended key usage)"};
    case X509_V_ERR_INVALID_CA:
      return {Check::certificate_purpose,
              "peer's certificate was issued by a certificate that may not issue it "
              "(basicConstraints)"};
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
      return {Check::certificate_purpose,
              "peer's certificate was issued by a certificate that may not issue it (pathlen of "
              "basicConstraints)"};
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
      return {Check::certificate_purpose,
              "peer's certificate was issued by a certificate that may not issue it (keyUsage "
              "without keyCertSign)"};
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return {
          Check::certificate_name,
          "broker's certificate does not carry the expected name as a subject alternative name; "
          "set server_name in [broker.tls] to one that it carries"};
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {Check::certificate_name,
              "broker's certificate does not carry the expected address as a subject alternative "
              "name; set server_name in [broker.tls] to a name that it carries"};
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
      return {Check::certificate_purpose,
              "a name of the peer's certificate is one that a CA of its chain may not give "
              "(nameConstraints)"};
    case X509_V_ERR_SUBTREE_MINMAX:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
    case X509_V_ERR_NAME_CONSTRAINTS_WITHOUT_SANS:
      return {Check::certificate_purpose,
              "nameConstraints of a CA of the peer's chain cannot be held against the "
              "certificate's names"};
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return {Check::certificate_invalid,
              "peer's certificate, or one of its chain, has a critical extension that is not "
              "known here"};
    case X509_V_ERR_INVALID_EXTENSION:
      return {Check::certificate_invalid,
              "an extension of the peer's certificate, or of one of its chain, is malformed or "
              "stands there twice"};
    case X509_V_ERR_INVALID_POLICY_EXTENSION:
    case X509_V_ERR_NO_EXPLICIT_POLICY:
      return {Check::certificate_invalid,
              "certificatePolicies or policyConstraints of the peer's chain do not fit"};
    case X509_V_ERR_OUT_OF_MEM:
      return {Check::tls_internal, "out of memory"};
    default:
      return {Check::certificate_invalid, "peer's certificate, or its chain, does not verify"};
  }
}

}  // namespace sallyport::tls
