#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tls/context.h"

namespace sallyport::tls {

/// By what a list may name a certificate. All as Certificate and Issuer have it.
struct ListedAs {
  std::string_view fingerprint;
  std::string_view serial;  // empty: it is not known
  std::string_view issuer;  // title of who issued it; empty: not known
};

/// Certificates that an operator names, a line each:
///
///     # stolen on Tuesday
///     fingerprint 7f:0c:...:1e
///     serial 0a1b until 2027-03-31                    # by whatever CA of the bundle
///     serial 0a1c issuer "CN=Devices CA,O=Plant" until 2027-03-31T12:00:00Z
///
/// A fingerprint is the SHA-256 of the certificate, 64 hexadecimal digits, with colons or without.
/// A serial number is hexadecimal, of at most 32 bytes. The issuer is its subject as
/// `openssl x509 -noout -issuer -nameopt RFC2253` writes it. Dates are UTC; one without a time
/// includes that day. Behind its date a line names nobody.
///
/// Immutable once it is filled. Thread: any.
class CertificateList final {
 public:
  using Time = std::chrono::system_clock::time_point;
  static constexpr std::size_t kMostEntries = 100'000;  // of all files together
  static constexpr std::size_t kMostLine = 1024;        // bytes

  /// Takes in a text. A line that is wrong is an error with `file` and line; the others are taken.
  /// `needs_end`: every line must have a date.
  void add(std::string_view text, const std::string& file, bool needs_end,
           std::vector<TlsError>& errors);

  /// Returns until when a line names the certificate, for ever as the clock's maximum. Returns none
  /// if no line does so at `now`.
  [[nodiscard]] std::optional<Time> find(const ListedAs& certificate, Time now) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string issuer;  // empty: any
    Time until = Time::max();
  };
  [[nodiscard]] std::string add_line(std::string_view line, bool needs_end);

  std::multimap<std::string, Entry, std::less<>>
      entries_;  // by 'f' and fingerprint, 's' and serial
};

/// Reads the files; what is wrong is appended to `errors`.
[[nodiscard]] CertificateList load_certificate_list(const std::vector<std::string>& files,
                                                    bool needs_end, std::vector<TlsError>& errors);

}  // namespace sallyport::tls
