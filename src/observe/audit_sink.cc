#include "observe/audit_sink.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sallyport::observe {

namespace {

std::string hint_for(int error) {
  switch (error) {
    case ENOENT:
      return "create the folder first; the gateway creates only the file";
    case EACCES:
    case EPERM:
      return "give the user that runs the gateway the right to write there";
    case EISDIR:
      return "name a file in that folder";
    case ENXIO:
      return "it is a named pipe that nobody reads; start its reader first";
    case EROFS:
      return "choose a place on a file system that can be written to";
    default:
      return "name a file that can be appended to, or \"stdout\"";
  }
}

}  // namespace

std::expected<AuditSink, AuditSink::Failure> AuditSink::open(const std::string& target) {
  if (target == "stdout") {
    struct stat info {};
    if (fstat(STDOUT_FILENO, &info) != 0) {
      return std::unexpected(Failure{"audit log: stdout is closed",
                                     "give the process an open stdout, or name a file"});
    }
    return AuditSink(STDOUT_FILENO, false);
  }
  // O_NONBLOCK: opening a named pipe without a reader is an error here, and not a wait for ever.
  const int fd = ::open(target.c_str(),
                        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (fd < 0) {
    const int error = errno;
    return std::unexpected(
        Failure{"cannot open audit log " + target + ": " + std::strerror(error), hint_for(error)});
  }
  return AuditSink(fd, true);
}

AuditSink::AuditSink(int fd, bool owned) : fd_(fd), owned_(owned) {
  struct stat info {};
  if (fstat(fd, &info) != 0 || S_ISREG(info.st_mode)) {
    kind_ = Kind::file;
  } else {
    kind_ = S_ISSOCK(info.st_mode) ? Kind::socket : Kind::stream;
  }
}

AuditSink::~AuditSink() {
  if (owned_ && fd_ >= 0) ::close(fd_);
}

AuditSink::AuditSink(AuditSink&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      owned_(std::exchange(other.owned_, false)),
      kind_(other.kind_) {}

AuditSink& AuditSink::operator=(AuditSink&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(owned_, other.owned_);
  std::swap(kind_, other.kind_);
  return *this;
}

AuditSink::Result AuditSink::write(std::string_view data, int timeout_ms) {
  if (kind_ != Kind::file) {
    pollfd wanted{.fd = fd_, .events = POLLOUT, .revents = 0};
    const int ready = poll(&wanted, 1, timeout_ms);
    if (ready < 0 && errno != EINTR) return {.status = Status::failed, .bytes = 0, .error = errno};
    if (ready <= 0) return {.status = Status::full, .bytes = 0, .error = 0};
    // stdout may be shared and blocking. A pipe that is ready has room for PIPE_BUF bytes, so that
    // a write of no more than those returns at once.
    data = data.substr(0, PIPE_BUF);
  }
  const ssize_t wrote = kind_ == Kind::socket
                            ? ::send(fd_, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                            : ::write(fd_, data.data(), data.size());
  if (wrote >= 0) {
    return {.status = Status::wrote, .bytes = static_cast<std::size_t>(wrote), .error = 0};
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    return {.status = Status::full, .bytes = 0, .error = 0};
  }
  return {.status = Status::failed, .bytes = 0, .error = errno};
}

}  // namespace sallyport::observe
