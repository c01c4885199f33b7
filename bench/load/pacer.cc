#include "bench/load/pacer.h"

#include <cerrno>

#include <sys/timerfd.h>
#include <unistd.h>

namespace sallyport::bench {

Pacer::~Pacer() {
  if (fd_ >= 0) ::close(fd_);
}

int Pacer::open(net::Loop& loop) {
  // The clock of net::Loop::now().
  fd_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd_ < 0) return uv_translate_sys_error(errno);
  if (const int error = uv_poll_init(loop.native(), &poll_, fd_); error != 0) {
    ::close(fd_);
    fd_ = -1;
    return error;
  }
  poll_.data = this;
  return uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    auto& self = *static_cast<Pacer*>(handle->data);
    std::uint64_t expirations = 0;
    if (::read(self.fd_, &expirations, sizeof(expirations)) < 0) return;  // not yet after all
    self.armed_ = kNever;
    self.firing_ = true;
    self.heap_.fire(net::Loop::now());
    self.firing_ = false;
    self.arm();
  });
}

void Pacer::close() {
  if (fd_ < 0) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
  ::close(fd_);
  fd_ = -1;
}

void Pacer::set(net::Timer& timer, Instant at) {
  timer.set(at);
  if (!firing_) arm();
}

void Pacer::arm() {
  const Instant next = heap_.next();
  if (fd_ < 0 || next >= armed_) return;
  armed_ = next;
  // A time that has passed fires at once; only 0 would disarm.
  const auto since = std::max(next.time_since_epoch(), Duration(1));
  itimerspec when{};
  when.it_value.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(since).count();
  when.it_value.tv_nsec = (since % std::chrono::seconds(1)).count();
  (void)::timerfd_settime(fd_, TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace sallyport::bench
