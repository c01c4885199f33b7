#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/policy.h"

#include "config/diagnostic.h"

namespace sallyport::config {

/// Line and column in a text, both from 1; a column counts characters, not bytes, as editors do.
/// Line 0: the file as a whole.
using Position = policy::Place;

/// Larger files are refused before they are read: nobody writes four megabytes of policy by hand,
/// and a generator that does should write several files.
inline constexpr std::size_t kMaxFileSize = std::size_t{4} * 1024 * 1024;

/// The text of one file, known to be UTF-8 without U+0000, and where its lines begin.
class Source final {
 public:
  /// `text` is taken as it is: read_source() and make_source() check it.
  Source(std::string file, std::string text);

  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] std::string_view text() const { return text_; }
  /// Offsets behind the end are treated as the end.
  [[nodiscard]] Position position(std::size_t offset) const;
  /// The offset of a column that counts bytes from 1, as parsers do.
  [[nodiscard]] std::size_t offset(std::uint32_t line, std::uint32_t byte_column) const;

 private:
  std::string file_;
  std::string text_;
  std::vector<std::uint32_t> line_starts_;
};

/// Reads a regular file; never blocks on a pipe or a device. One diagnostic says why not.
[[nodiscard]] std::expected<Source, Diagnostic> read_source(const std::string& path);
/// The same checks for a text in memory. A byte order mark is taken off.
[[nodiscard]] std::expected<Source, Diagnostic> make_source(std::string file, std::string text);

}  // namespace sallyport::config
