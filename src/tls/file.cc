#include "tls/file.h"

#include <cerrno>
#include <span>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "file/descriptor.h"

namespace sallyport::tls {
bool Contents::read(const std::string& file, std::vector<TlsError>& errors, std::size_t most,
                    bool may_be_empty) {
  const auto failed = [&](std::string message) {
    errors.push_back({file, std::move(message)});
    return false;
  };
  const auto system_word = [] { return std::generic_category().message(errno); };

  if (file.find('\0') != std::string::npos) return failed("file name holds a NUL character");
  const Descriptor fd = open_to_read(file);
  if (fd.get() < 0) return failed("cannot be opened: " + system_word());
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failed("cannot be read: " + system_word());
  if (S_ISDIR(status.st_mode)) return failed("is a directory; name the file in it");
  if (!S_ISREG(status.st_mode)) return failed("is not a regular file");
  if (status.st_size > static_cast<off_t>(most)) {
    return failed("is larger than " + std::to_string(most / (1024 * 1024)) +
                  " MiB, which is the most that is read");
  }

  // Room for the whole file and one byte more, so that no growth leaves a copy of a key behind.
  const std::size_t wanted = static_cast<std::size_t>(status.st_size) + 1;
  const std::span<std::uint8_t> room = bytes_.prepare(wanted);
  while (bytes_.size() < wanted) {
    const ssize_t n = ::read(fd.get(), room.data() + bytes_.size(), wanted - bytes_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("cannot be read: " + system_word());
    if (n == 0) break;
    bytes_.commit(static_cast<std::size_t>(n));
  }
  if (bytes_.size() == wanted) return failed("changed while it was read; try again");
  if (bytes_.empty() && !may_be_empty) return failed("is empty");
  return true;
}

}  // namespace sallyport::tls
