#pragma once

#include <chrono>

#include <openssl/base.h>

/// When certificates begin and end.
namespace sallyport::tls {

/// Epoch where it cannot be read; never later than the clock's type can tell.
[[nodiscard]] std::chrono::system_clock::time_point to_time(const ASN1_TIME* time);
/// The first moment at which something that ends with `last` is over: its last second counts. RFC
/// 5280, 4.1.2.5
[[nodiscard]] std::chrono::system_clock::time_point over_at(
    std::chrono::system_clock::time_point last);
[[nodiscard]] std::chrono::system_clock::time_point not_before(const X509* certificate);
[[nodiscard]] std::chrono::system_clock::time_point not_after(const X509* certificate);
/// By the system's clock.
[[nodiscard]] bool is_valid_now(const X509* certificate);

}  // namespace sallyport::tls
