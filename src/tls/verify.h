#pragma once

#include <cstdint>

#include <openssl/ssl.h>

/// Verification of the certificate that a peer showed.
namespace sallyport::tls {

/// For SSL_CTX_set_custom_verify(): builds and checks the chain against the attached Transport's
/// `context`, which also says for what purpose and which name; sets its `failure` where it refuses.
/// Server role: sets `peer` to what the leaf says, whether it verifies or not (the Engine tells
/// the two apart). Client role: nobody asks what else a broker's certificate says, but
/// `chain_end` is set.
///
/// X.509 objects live during this call only; what BoringSSL would keep of them for each connection
/// is many times the rest of an idle connection.
ssl_verify_result_t verify_peer(SSL* ssl, std::uint8_t* alert);

}  // namespace sallyport::tls
