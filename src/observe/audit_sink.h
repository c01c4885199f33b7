#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include <sys/un.h>

#include "observe/audit_envelope.h"

namespace sallyport::observe {

/// Where audit lines go: a file that is appended to, a pipe, a terminal, the process's stdout, or
/// the socket of syslog or journald. write() does not block for longer than it is told, except on a
/// regular file, which takes as long as its disk takes.
class AuditSink final {
 public:
  struct Failure {
    std::string message;  // "cannot open audit log /var/log/x: Permission denied"
    std::string hint;
  };

  /// `target`: a path, "stdout", "syslog", "journald", or one of the last two with the path of
  /// their socket ("syslog:/path"). A file is created with mode 0640 and appended to; where its
  /// last line has no end, because the process that wrote it was killed, that line is taken off.
  [[nodiscard]] static std::expected<AuditSink, Failure> open(const std::string& target);
  ~AuditSink();
  AuditSink(AuditSink&& other) noexcept;
  AuditSink& operator=(AuditSink&& other) noexcept;

  /// What has to stand around each line.
  [[nodiscard]] AuditEnvelope::Kind envelope() const { return envelope_; }

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
  /// Writes a beginning of `frames`, which begins with a whole one, waiting at most `timeout_ms`
  /// for room. To a file and to the sockets of syslog and journald it is whole frames: where a disk
  /// takes only a part of one, that part is taken off again. To a pipe it is whole frames as long
  /// as they are no longer than PIPE_BUF.
  [[nodiscard]] Result write(std::string_view frames, const AuditEnvelope& envelope,
                             int timeout_ms);

 private:
  enum class Kind : std::uint8_t { file, socket, stream, datagram };
  AuditSink(int fd, bool owned);
  [[nodiscard]] static std::expected<AuditSink, Failure> open_socket(AuditEnvelope::Kind kind,
                                                                     const std::string& path);
  [[nodiscard]] Result write_file(std::string_view frames, const AuditEnvelope& envelope) const;
  [[nodiscard]] Result write_stream(std::string_view frames, const AuditEnvelope& envelope,
                                    int timeout_ms) const;
  [[nodiscard]] Result send_message(std::string_view frames, const AuditEnvelope& envelope,
                                    int timeout_ms) const;

  int fd_ = -1;
  bool owned_ = false;
  Kind kind_ = Kind::file;
  AuditEnvelope::Kind envelope_ = AuditEnvelope::Kind::none;
  sockaddr_un peer_{};  // Kind::datagram
};

}  // namespace sallyport::observe
