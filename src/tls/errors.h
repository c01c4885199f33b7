#pragma once

#include <cstdint>

#include "transport/layer.h"

/// BoringSSL's errors in an operator's words: what is wrong, which field says so, and what to do.
namespace sallyport::tls {

using transport::Failure;

/// For an error of BoringSSL's queue (0: there was none, which is so where a peer says close_notify
/// instead of shaking hands). None of the library's own constants is shown.
[[nodiscard]] Failure describe_error(std::uint32_t packed);

/// For an X509_V_ERR_* code.
[[nodiscard]] Failure describe_verify_error(long code);
/// A broker's certificate has no subjectAltName at all.
[[nodiscard]] Failure describe_missing_names();

}  // namespace sallyport::tls
