#include "observe/audit_sink.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/audit_record.h"

namespace sallyport::observe {

namespace {

struct Service {
  std::string_view name;
  AuditEnvelope::Kind kind;
  const char* path;
};
constexpr Service kServices[] = {
    {"syslog", AuditEnvelope::Kind::syslog, "/dev/log"},
    {"journald", AuditEnvelope::Kind::journald, "/run/systemd/journal/socket"},
};

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

/// A process that was killed, or a system that went down, may have left a line without an end.
/// Takes it off; what does not look like a line of ours, or cannot be taken off, gets an end, so
/// that the next line is whole.
void finish_last_line(int fd, const std::string& path) {
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) return;
  const int reader = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (reader < 0) return;  // it may be written and not read
  const auto most = static_cast<off_t>(AuditRecord::kMaxLine);
  std::string tail(static_cast<std::size_t>(std::min(info.st_size, most)), '\0');
  const off_t begin = info.st_size - static_cast<off_t>(tail.size());
  const ssize_t got = pread(reader, tail.data(), tail.size(), begin);
  ::close(reader);
  if (got != static_cast<ssize_t>(tail.size()) || tail.back() == '\n') return;
  const std::size_t last = tail.rfind('\n');
  const bool found = last != std::string::npos || begin == 0;
  const std::size_t line = last == std::string::npos ? 0 : last + 1;
  if (found && tail[line] == '{' && ftruncate(fd, begin + static_cast<off_t>(line)) == 0) return;
  static_cast<void>(::write(fd, "\n", 1) == 1);
}

/// Takes the last `bytes` off a file, of what this process has just written to it. False: others
/// write to it, too, or it cannot be.
bool take_back(int fd, std::size_t bytes) {
  struct stat info {};
  const off_t at = lseek(fd, 0, SEEK_CUR);
  if (at < 0 || fstat(fd, &info) != 0 || info.st_size != at) return false;
  const off_t end = at - static_cast<off_t>(bytes);
  return ftruncate(fd, end) == 0 && lseek(fd, end, SEEK_SET) == end;
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
  for (const Service& service : kServices) {
    if (!target.starts_with(service.name)) continue;
    const std::string rest = target.substr(service.name.size());
    if (rest.empty()) return open_socket(service.kind, service.path);
    if (rest.front() == ':') return open_socket(service.kind, rest.substr(1));
  }
  // O_NONBLOCK: opening a named pipe without a reader is an error here, and not a wait for ever.
  const int fd = ::open(target.c_str(),
                        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (fd < 0) {
    const int error = errno;
    return std::unexpected(
        Failure{"cannot open audit log " + target + ": " + std::strerror(error), hint_for(error)});
  }
  finish_last_line(fd, target);
  return AuditSink(fd, true);
}

std::expected<AuditSink, AuditSink::Failure> AuditSink::open_socket(AuditEnvelope::Kind kind,
                                                                    const std::string& path) {
  const auto failure = [&path](int error) {
    return std::unexpected(
        Failure{"cannot open audit log " + path + ": " + std::strerror(error),
                "is the log service running, and may the gateway's user write to its socket?"});
  };
  sockaddr_un peer{};
  peer.sun_family = AF_UNIX;
  if (path.size() >= sizeof(peer.sun_path)) return failure(ENAMETOOLONG);
  std::copy(path.begin(), path.end(), peer.sun_path);
  const auto* address = reinterpret_cast<const sockaddr*>(&peer);
  // Lines go to whoever has the path then: a service that starts anew is found again. Whether there
  // is one now is tried with a socket that is thrown away.
  const int probe = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return failure(errno);
  const int error = ::connect(probe, address, sizeof peer) == 0 ? 0 : errno;
  ::close(probe);
  if (error != 0) return failure(error);
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failure(errno);
  AuditSink sink(fd, true);
  sink.kind_ = Kind::datagram;
  sink.envelope_ = kind;
  sink.peer_ = peer;
  return sink;
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
      kind_(other.kind_),
      envelope_(other.envelope_),
      peer_(other.peer_) {}

AuditSink& AuditSink::operator=(AuditSink&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(owned_, other.owned_);
  std::swap(kind_, other.kind_);
  std::swap(envelope_, other.envelope_);
  std::swap(peer_, other.peer_);
  return *this;
}

AuditSink::Result AuditSink::write(std::string_view frames, const AuditEnvelope& envelope,
                                   int timeout_ms) {
  switch (kind_) {
    case Kind::file:
      return write_file(frames, envelope);
    case Kind::datagram:
      return send_message(frames, envelope, timeout_ms);
    case Kind::socket:
    case Kind::stream:
      break;
  }
  return write_stream(frames, envelope, timeout_ms);
}

AuditSink::Result AuditSink::write_file(std::string_view frames,
                                        const AuditEnvelope& envelope) const {
  std::size_t done = 0;
  int error = 0;
  while (done < frames.size() && error == 0) {
    const ssize_t wrote = ::write(fd_, frames.data() + done, frames.size() - done);
    if (wrote > 0) {
      done += static_cast<std::size_t>(wrote);
    } else if (wrote == 0 || errno != EINTR) {
      error = wrote == 0 ? ENOSPC : errno;
    }
  }
  // The disk is full in the middle of a line: no reader shall find a half.
  const std::size_t whole = envelope.whole(frames.substr(0, done));
  if (whole != done && take_back(fd_, done - whole)) done = whole;
  if (done == 0 && error != 0) return {.status = Status::failed, .bytes = 0, .error = error};
  return {.status = Status::wrote, .bytes = done, .error = 0};
}

AuditSink::Result AuditSink::write_stream(std::string_view frames, const AuditEnvelope& envelope,
                                          int timeout_ms) const {
  pollfd wanted{.fd = fd_, .events = POLLOUT, .revents = 0};
  const int ready = poll(&wanted, 1, timeout_ms);
  if (ready < 0 && errno != EINTR) return {.status = Status::failed, .bytes = 0, .error = errno};
  if (ready <= 0) return {.status = Status::full, .bytes = 0, .error = 0};
  // stdout may be shared and blocking. A pipe that is ready has room for PIPE_BUF bytes, so that a
  // write of no more than those returns at once, and writes all of them.
  std::string_view part = frames.substr(0, PIPE_BUF);
  if (const std::size_t whole = envelope.whole(part); whole != 0) part = part.substr(0, whole);
  const ssize_t wrote = kind_ == Kind::socket
                            ? ::send(fd_, part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                            : ::write(fd_, part.data(), part.size());
  if (wrote >= 0) {
    return {.status = Status::wrote, .bytes = static_cast<std::size_t>(wrote), .error = 0};
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    return {.status = Status::full, .bytes = 0, .error = 0};
  }
  return {.status = Status::failed, .bytes = 0, .error = errno};
}

AuditSink::Result AuditSink::send_message(std::string_view frames, const AuditEnvelope& envelope,
                                          int timeout_ms) const {
  constexpr int kLookAgainMs = 10;
  const std::size_t size = envelope.first(frames);
  const std::string_view message = envelope.message(frames.substr(0, size));
  const auto* address = reinterpret_cast<const sockaddr*>(&peer_);
  for (int waited = 0;; waited += kLookAgainMs) {
    const ssize_t sent = ::sendto(fd_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                                  address, sizeof peer_);
    if (sent >= 0) return {.status = Status::wrote, .bytes = size, .error = 0};
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ENOBUFS) {
      return {.status = Status::failed, .bytes = 0, .error = errno};
    }
    // A socket that is not connected is always ready, whatever its peer's queue holds.
    if (waited >= timeout_ms) return {.status = Status::full, .bytes = 0, .error = 0};
    std::this_thread::sleep_for(std::chrono::milliseconds(kLookAgainMs));
  }
}

}  // namespace sallyport::observe
