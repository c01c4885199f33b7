#include "tls/record_size.h"

#include <algorithm>
#include <cstdint>

#include <openssl/bytestring.h>

#include "tls/options.h"
#include "tls/transport.h"

namespace sallyport::tls {
namespace {

constexpr std::uint16_t kMaxFragmentLength = 1;  // RFC 6066, 4
constexpr std::uint16_t kRecordSizeLimit = 28;   // RFC 8449, 4
constexpr std::uint16_t kLeastLimit = 64;        // RFC 8449, 4

/// Bytes of plaintext; 0: the client does not say.
std::uint16_t asked_for(const SSL_CLIENT_HELLO* hello) {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  CBS in;
  // Whoever knows both extensions goes by the newer one. RFC 8449, 5
  if (SSL_early_callback_ctx_extension_get(hello, kRecordSizeLimit, &data, &size) == 1) {
    CBS_init(&in, data, size);
    std::uint16_t limit = 0;
    if (CBS_get_u16(&in, &limit) != 1 || CBS_len(&in) != 0 || limit < kLeastLimit) return 0;
    // TLS 1.3 counts the byte that says what is in the record; in 1.2 that is one byte too few.
    return static_cast<std::uint16_t>(limit - 1);
  }
  if (SSL_early_callback_ctx_extension_get(hello, kMaxFragmentLength, &data, &size) == 1) {
    if (size != 1 || *data < 1 || *data > 4) return 0;
    return static_cast<std::uint16_t>(256 << *data);  // 512, 1024, 2048, 4096
  }
  return 0;
}

}  // namespace

ssl_select_cert_result_t read_record_size(const SSL_CLIENT_HELLO* hello) {
  const std::uint16_t asked = asked_for(hello);
  if (asked != 0) {
    // For handshake messages BoringSSL goes no lower than 512; of data the Engine makes the pieces.
    SSL_set_max_send_fragment(hello->ssl, asked);
    transport_of(hello->ssl)->record = asked;
  }
  return ssl_select_cert_success;
}

}  // namespace sallyport::tls
