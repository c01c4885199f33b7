#include "net/listener.h"

#include <cerrno>

#include <sys/socket.h>

namespace sallyport::net {

int Listener::start(Loop& loop) {
  if (const int error = uv_poll_init(loop.native(), &poll_, socket_.fd()); error != 0) return error;
  poll_.data = this;
  open_ = true;
  listen();
  return 0;
}

void Listener::close() {
  if (!open_) return;
  open_ = false;
  timer_.set(kNever);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
  socket_.reset();
}

void Listener::listen() {
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* handle, int status, int) {
    auto& self = *static_cast<Listener*>(handle->data);
    if (status < 0) {
      self.pause(status);
    } else {
      self.accept();
    }
  });
}

void Listener::accept() {
  // The poll is level-triggered: what the budget leaves is reported again in the next round.
  for (std::uint32_t budget = settings_.budget; budget != 0 && open_; --budget) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    auto* const address = reinterpret_cast<sockaddr*>(&storage);
    Socket socket(::accept4(socket_.fd(), address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
      if (const auto peer = Address::from(address)) {
        handler_.on_connection(*this, std::move(socket), *peer);
      }
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return;
      // The connection ended before it was accepted, or its network did: see accept(2).
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
      case EPERM:
      case ENETDOWN:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case ENONET:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENETUNREACH:
      case ETIMEDOUT:
        continue;
      default:
        pause(uv_translate_sys_error(errno));
        return;
    }
  }
}

void Listener::pause(int error) {
  uv_poll_stop(&poll_);
  timer_.set(Loop::now() + settings_.pause);
  handler_.on_accept_paused(*this, error);
}

void Listener::on_timer(Instant) {
  if (open_) listen();
}

}  // namespace sallyport::net
