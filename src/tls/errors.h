#pragma once

#include <cstdint>
#include <string_view>

namespace sallyport::tls {

/// One line for the log, static storage, for an error of BoringSSL's queue (0: there was none,
/// which is so where a peer says close_notify instead of shaking hands). Known reasons are put in
/// an operator's words; the others have BoringSSL's own ("DECODE_ERROR"). Neither ever holds bytes
/// of a peer.
[[nodiscard]] std::string_view describe_error(std::uint32_t packed);

}  // namespace sallyport::tls
