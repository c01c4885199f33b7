#pragma once

#include <cstdint>

#include "transport/layer.h"

namespace sallyport::tls {

using transport::Failure;

/// For an error of BoringSSL's queue (0: there was none, which is so where a peer says close_notify
/// instead of shaking hands). Known reasons are put in an operator's words; the others have
/// BoringSSL's own ("DECODE_ERROR").
[[nodiscard]] Failure describe_error(std::uint32_t packed);

}  // namespace sallyport::tls
