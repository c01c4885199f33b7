#include "app/read_file.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/socket.h"

namespace sallyport::app {

int read_file(const std::string& path, std::size_t most, Buffer& into) {
  constexpr std::size_t kAtOnce = 64 * 1024;
  // O_NONBLOCK: opening a named pipe must not wait for somebody to write to it.
  const net::Socket file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file || ::fstat(file.fd(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return EINVAL;
  while (most != 0) {
    const std::size_t wanted = std::min(most, kAtOnce);
    const ssize_t got = ::read(file.fd(), into.prepare(wanted).data(), wanted);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    into.commit(static_cast<std::size_t>(got));
    most -= static_cast<std::size_t>(got);
  }
  return 0;
}

}  // namespace sallyport::app
