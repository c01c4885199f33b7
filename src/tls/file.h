#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sallyport/bytes.h"

#include "tls/context.h"

namespace sallyport::tls {

/// All of Mozilla's CAs have 0.2 MiB.
inline constexpr std::size_t kMaxFileBytes = std::size_t{4} * 1024 * 1024;
/// About a million revoked certificates.
inline constexpr std::size_t kMaxCrlBytes = std::size_t{64} * 1024 * 1024;

/// A file's bytes, overwritten when they are let go: they may be a private key.
class Contents final {
 public:
  Contents() = default;
  ~Contents() { bytes_.wipe(); }
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;

  /// Reads a regular file of at most `most` bytes; never blocks on a pipe or a device. False:
  /// `errors` has one more.
  [[nodiscard]] bool read(const std::string& file, std::vector<TlsError>& errors,
                          std::size_t most = kMaxFileBytes, bool may_be_empty = false);
  [[nodiscard]] Bytes bytes() const { return bytes_.bytes(); }

 private:
  Buffer bytes_;
};

}  // namespace sallyport::tls
