#include "net/signals.h"

#include <array>
#include <cerrno>
#include <csignal>

#include <sys/signalfd.h>
#include <unistd.h>

namespace sallyport::net {

int Signals::open(Loop& loop, std::span<const int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  Socket file(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!file) return uv_translate_sys_error(errno);
  if (const int error = uv_poll_init(loop.native(), &poll_, file.fd()); error != 0) return error;
  file_ = std::move(file);
  poll_.data = this;
  uv_poll_start(&poll_, UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<Signals*>(handle->data)->read(); });
  return 0;
}

void Signals::close() {
  if (!file_) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
  file_.reset();
}

void Signals::read() {
  // All that wait at once: the kernel gives the lowest number first, and a flood of one signal must
  // not hold up the others.
  std::array<signalfd_siginfo, 16> waiting{};
  const ssize_t got = ::read(file_.fd(), waiting.data(), sizeof(waiting));
  const std::size_t count = got > 0 ? static_cast<std::size_t>(got) / sizeof(waiting[0]) : 0;
  for (std::size_t i = 0; i < count && file_; ++i) {
    handler_.on_signal(static_cast<int>(waiting[i].ssi_signo));
  }
}

}  // namespace sallyport::net
