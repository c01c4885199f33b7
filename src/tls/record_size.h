#pragma once

#include <openssl/ssl.h>

/// How large the records may be that a client takes.
namespace sallyport::tls {

/// For SSL_CTX_set_select_certificate_cb(): makes the records of this connection as small as the
/// ClientHello asks for by record_size_limit (RFC 8449) or max_fragment_length (RFC 6066, 4), and
/// tells the attached Transport. BoringSSL knows neither, so neither is answered, and the client
/// has to take it that its wish was not understood; what it gets fits all the same. A value that
/// the RFCs do not have is passed over.
ssl_select_cert_result_t read_record_size(const SSL_CLIENT_HELLO* hello);

}  // namespace sallyport::tls
