#pragma once

#include <cstdint>
#include <string_view>

#include "sallyport/checks.h"

namespace sallyport::tls {

/// Why a connection failed. `text` is one line for the log, of static storage; it never holds bytes
/// of a peer.
struct Failure {
  Check check = Check::tls_internal;
  std::string_view text;
};

/// For an error of BoringSSL's queue (0: there was none, which is so where a peer says close_notify
/// instead of shaking hands). Known reasons are put in an operator's words; the others have
/// BoringSSL's own ("DECODE_ERROR").
[[nodiscard]] Failure describe_error(std::uint32_t packed);

}  // namespace sallyport::tls
