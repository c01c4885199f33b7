#pragma once

#include <chrono>

#include <openssl/base.h>

/// When certificates begin and end.
namespace sallyport::tls {

[[nodiscard]] std::chrono::system_clock::time_point not_after(const X509* certificate);
/// By the system's clock.
[[nodiscard]] bool is_valid_now(const X509* certificate);

}  // namespace sallyport::tls
