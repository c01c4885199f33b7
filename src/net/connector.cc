#include "net/connector.h"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace sallyport::net {

/// One socket on its way to one address. libuv closes its handle later than the connector may be
/// gone, so it stands alone: abandon() cuts it off, and the close callback is where it is deleted.
struct Connector::Attempt {
  uv_poll_t poll{};
  Socket socket;
  Connector* owner = nullptr;

  void close() {
    owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&poll),
             [](uv_handle_t* handle) { delete static_cast<Attempt*>(handle->data); });
  }
};

Connector::~Connector() {
  resolver_.forget(*this);
  abandon();
}

void Connector::start(Instant now, Duration limit) {
  deadline_ = now + limit;
  if (const auto* known = resolver_.known(now); known != nullptr) {
    addresses_ = *known;
    // From the timer, so that even a socket that cannot be made is reported from the loop.
    timer_.set(now);
    return;
  }
  error_ = resolver_.wait(*this);
  timer_.set(error_ == 0 ? deadline_ : now);
}

void Connector::on_resolved(const std::vector<Address>& addresses, int error) {
  error_ = error;
  addresses_ = addresses;
  try_next(Loop::now());
}

void Connector::on_timer(Instant now) {
  if (attempt_ != nullptr || now >= deadline_) {
    // The name server or this address has had its time.
    error_ = UV_ETIMEDOUT;
    resolver_.forget(*this);
    abandon();
  }
  try_next(now);
}

void Connector::try_next(Instant now) {
  while (next_ < addresses_.size() && now < deadline_) {
    const Address& address = addresses_[next_++];
    Socket socket(
        ::socket(address.native()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket || (::connect(socket.fd(), address.native(), address.size()) != 0 &&
                    errno != EINPROGRESS && errno != EINTR)) {
      error_ = uv_translate_sys_error(errno);
      continue;
    }
    auto attempt = std::make_unique<Attempt>();
    error_ = uv_poll_init(loop_.native(), &attempt->poll, socket.fd());
    if (error_ != 0) continue;
    attempt_ = attempt.release();
    attempt_->poll.data = attempt_;
    attempt_->owner = this;
    attempt_->socket = std::move(socket);
    uv_poll_start(&attempt_->poll, UV_WRITABLE, [](uv_poll_t* handle, int status, int) {
      const auto& self = *static_cast<Attempt*>(handle->data);
      if (self.owner != nullptr) self.owner->on_attempt(status);
    });
    const auto left = static_cast<Duration::rep>(addresses_.size() - next_ + 1);
    timer_.set(now + (deadline_ - now) / left);
    return;
  }
  fail(error_ != 0 ? error_ : UV_ETIMEDOUT);
}

void Connector::on_attempt(int error) {
  int pending = 0;
  socklen_t size = sizeof(pending);
  if (::getsockopt(attempt_->socket.fd(), SOL_SOCKET, SO_ERROR, &pending, &size) == 0 &&
      pending != 0) {
    error = uv_translate_sys_error(pending);
  }
  if (error != 0) {
    error_ = error;
    abandon();
    try_next(Loop::now());
    return;
  }
  timer_.set(kNever);
  Socket socket = std::move(attempt_->socket);
  abandon();
  handler_.on_connected(std::move(socket));  // may destroy the connector
}

void Connector::abandon() {
  if (attempt_ == nullptr) return;
  attempt_->close();
  attempt_->socket.reset();
  attempt_ = nullptr;
}

void Connector::fail(int error) {
  timer_.set(kNever);
  resolver_.drop();
  handler_.on_connect_failed(error);  // may destroy the connector
}

}  // namespace sallyport::net
