#pragma once

#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace sallyport {

/// An open file, closed with its owner.
class Descriptor final {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor& operator=(Descriptor&&) = delete;

  /// Negative: there is none.
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// Opens a file to read it; on failure the descriptor is negative and errno says why. It may be a
/// directory, a pipe or a device, of which fstat(2) tells: opening a named pipe does not wait for
/// somebody to write to it.
[[nodiscard]] inline Descriptor open_to_read(const std::string& path) {
  return Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

}  // namespace sallyport
