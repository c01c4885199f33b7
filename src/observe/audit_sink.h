#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sallyport::observe {

/// Where audit lines go: a file that is appended to, a pipe, a terminal, or the process's stdout.
/// write() does not block for longer than it is told, except on a regular file, which takes as
/// long as its disk takes.
class AuditSink final {
 public:
  struct Failure {
    std::string message;  // "cannot open audit log /var/log/x: Permission denied"
    std::string hint;
  };

  /// `target`: a path, or "stdout". A file is created with mode 0640 and appended to.
  [[nodiscard]] static std::expected<AuditSink, Failure> open(const std::string& target);
  ~AuditSink();
  AuditSink(AuditSink&& other) noexcept;
  AuditSink& operator=(AuditSink&& other) noexcept;

  enum class Status : std::uint8_t {
    wrote,   // `bytes` of the data
    full,    // the reader does not read; nothing was written
    failed,  // `error` as in errno; nothing was written
  };
  struct Result {
    Status status = Status::wrote;
    std::size_t bytes = 0;
    int error = 0;
  };
  /// Writes a beginning of `data`, waiting at most `timeout_ms` for room.
  [[nodiscard]] Result write(std::string_view data, int timeout_ms);

 private:
  enum class Kind : std::uint8_t { file, socket, stream };
  AuditSink(int fd, bool owned);

  int fd_ = -1;
  bool owned_ = false;
  Kind kind_ = Kind::file;
};

}  // namespace sallyport::observe
