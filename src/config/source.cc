#include "config/source.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include "sallyport/utf8.h"

#include "file/descriptor.h"

namespace sallyport::config {

namespace {

static_assert(kMaxFileSize < std::numeric_limits<std::uint32_t>::max());

Diagnostic whole_file(const std::string& file, std::string message, std::string hint) {
  return {.origin = {.file = file, .line = 0, .column = 0},
          .message = std::move(message),
          .hint = std::move(hint)};
}

std::string why_unreadable(int error) {
  return "cannot be read: " + std::generic_category().message(error);
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// The bytes that the lead byte at `at` announces, or what is left of the text.
std::string_view character_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return text.substr(at, length);
}

std::string hex(unsigned char byte) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  return {'0', 'x', kDigits[byte >> 4U], kDigits[byte & 0x0FU]};
}

}  // namespace

Source::Source(std::string file, std::string text)
    : file_(std::move(file)), text_(std::move(text)), line_starts_{0} {
  for (std::size_t at = text_.find('\n'); at != std::string::npos; at = text_.find('\n', at + 1)) {
    line_starts_.push_back(static_cast<std::uint32_t>(at + 1));
  }
}

Position Source::position(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto line = static_cast<std::uint32_t>(after - line_starts_.begin());
  std::uint32_t column = 1;
  for (std::size_t at = line_starts_[line - 1]; at < offset; ++at) {
    if (!is_continuation(text_[at])) ++column;
  }
  return {.line = line, .column = column};
}

std::size_t Source::offset(std::uint32_t line, std::uint32_t byte_column) const {
  if (line == 0) return 0;
  if (line > line_starts_.size()) return text_.size();
  const std::size_t column = byte_column == 0 ? 0 : byte_column - 1;
  return std::min(line_starts_[line - 1] + column, text_.size());
}

std::expected<Source, Diagnostic> make_source(std::string file, std::string text) {
  if (text.size() > kMaxFileSize) {
    return std::unexpected(
        whole_file(file, "file is larger than 4 MiB", "split it into several policy files"));
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  // The parser would skip another one, here and nowhere else.
  if (text.starts_with(kByteOrderMark)) {
    return std::unexpected(Diagnostic{
        {file, 1, 1}, "a second byte order mark (U+FEFF)", "remove it: a file has one at most"});
  }

  Source source(std::move(file), std::move(text));
  const std::string_view all = source.text();
  const bool clean = !mqtt::check_utf8(all, false);
  if (clean) return source;
  for (std::size_t at = 0; at < all.size();) {
    const std::string_view character = character_at(all, at);
    if (!mqtt::check_utf8(character, false)) {
      at += character.size();
      continue;
    }
    const Position where = source.position(at);
    const auto byte = static_cast<unsigned char>(all[at]);
    const Origin origin{source.file(), where.line, where.column};
    if (byte == 0) {
      return std::unexpected(
          Diagnostic{origin, "file holds a NUL byte", "this is not a text file"});
    }
    return std::unexpected(
        Diagnostic{origin, "byte " + hex(byte) + " is not valid UTF-8", "save the file as UTF-8"});
  }
  return std::unexpected(whole_file(source.file(), "not valid UTF-8", "save the file as UTF-8"));
}

std::expected<Source, Diagnostic> read_source(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return std::unexpected(whole_file(path, "not a usable file name", "name a TOML file"));
  }
  const Descriptor file = open_to_read(path);
  if (file.get() < 0) {
    const int error = errno;
    std::string hint = "check the path and its permissions";
    if (error == ENOENT) hint = "check the path; relative paths start at the working directory";
    if (error == EACCES) hint = "the user that runs sallyport needs the right to read it";
    return std::unexpected(whole_file(path, why_unreadable(error), std::move(hint)));
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    return std::unexpected(whole_file(path, why_unreadable(errno), ""));
  }
  if (S_ISDIR(status.st_mode)) {
    return std::unexpected(
        whole_file(path, "is a directory, not a file",
                   "name a TOML file in it, or a pattern such as \"policies/*.toml\""));
  }
  if (!S_ISREG(status.st_mode)) {
    return std::unexpected(whole_file(path, "is not a regular file", "name a TOML file"));
  }

  // One byte more than allowed, so that a file which grows meanwhile is noticed too.
  std::string text(kMaxFileSize + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(whole_file(path, why_unreadable(errno), ""));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return make_source(path, std::move(text));
}

}  // namespace sallyport::config
