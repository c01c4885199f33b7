#include "tls/validity.h"

#include <cstdint>
#include <memory>

#include <openssl/asn1.h>
#include <openssl/x509.h>

namespace sallyport::tls {

std::chrono::system_clock::time_point to_time(const ASN1_TIME* time) {
  const std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> epoch(ASN1_TIME_set(nullptr, 0),
                                                               ASN1_TIME_free);
  int days = 0;
  int seconds = 0;
  if (epoch == nullptr || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) {
    return {};
  }
  // A certificate may be valid until the year 9999; the clock's type ends earlier.
  using Seconds = std::chrono::seconds;
  const Seconds since_epoch = Seconds(std::int64_t{days} * 86'400 + seconds);
  const auto last = std::chrono::floor<Seconds>(std::chrono::system_clock::duration::max());
  return std::chrono::system_clock::time_point(since_epoch < last ? since_epoch : last);
}

std::chrono::system_clock::time_point over_at(std::chrono::system_clock::time_point last) {
  constexpr std::chrono::seconds kLastSecond{1};
  constexpr auto kMax = std::chrono::system_clock::time_point::max();
  return last < kMax - kLastSecond ? last + kLastSecond : kMax;
}

std::chrono::system_clock::time_point not_before(const X509* certificate) {
  return to_time(X509_get0_notBefore(certificate));
}

std::chrono::system_clock::time_point not_after(const X509* certificate) {
  return to_time(X509_get0_notAfter(certificate));
}

bool is_valid_now(const X509* certificate) {
  return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
         X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

}  // namespace sallyport::tls
