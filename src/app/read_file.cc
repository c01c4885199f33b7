#include "app/read_file.h"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "file/descriptor.h"

namespace sallyport::app {

int read_file(const std::string& path, std::size_t most, Buffer& into) {
  constexpr std::size_t kAtOnce = 64 * 1024;
  const Descriptor file = open_to_read(path);
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return EINVAL;
  while (most != 0) {
    const std::size_t wanted = std::min(most, kAtOnce);
    const ssize_t got = ::read(file.get(), into.prepare(wanted).data(), wanted);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    into.commit(static_cast<std::size_t>(got));
    most -= static_cast<std::size_t>(got);
  }
  return 0;
}

}  // namespace sallyport::app
