#include "net/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <sys/socket.h>

namespace sallyport::net {

namespace {

constexpr std::size_t kSegmentsPerWrite = 256;

uv_buf_t as_buffer(Bytes bytes) {
  // libuv takes mutable pointers for both directions; it does not write through these.
  auto* const base = reinterpret_cast<char*>(const_cast<std::uint8_t*>(bytes.data()));
  uv_buf_t buffer;
  buffer.base = base;
  buffer.len = bytes.size();
  return buffer;
}
}  // namespace

Stream::~Stream() {
  // The kernel's descriptor and libuv's queues still point here: a bug that must not pass.
  if (!is_closed()) std::abort();
}

int Stream::open(Loop& loop, Socket socket) {
  if (const int error = uv_tcp_init(loop.native(), &tcp_); error != 0) {
    return error;
  }
  tcp_.data = this;
  state_ = State::open;
  if (const int error = uv_tcp_open(&tcp_, socket.fd()); error != 0) {
    close();
    return error;
  }
  static_cast<void>(socket.release());
  // Packets are small and somebody waits for each answer.
  uv_tcp_nodelay(&tcp_, 1);
  return 0;
}

void Stream::keep_alive(Duration idle) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(idle).count();
  if (state_ == State::open) uv_tcp_keepalive(&tcp_, 1, static_cast<unsigned>(seconds));
}

int Stream::start_reading() {
  if (reading_ || ended_ || (state_ != State::open && state_ != State::finishing)) return 0;
  const int error = start_uv_read();
  reading_ = error == 0;
  return error;
}

int Stream::start_uv_read() {
  return uv_read_start(
      stream(),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        // Without room libuv does not read; it says UV_ENOBUFS, and again in the next round.
        buffer->base = reinterpret_cast<char*>(Loop::of(handle).read_buffer().data());
        buffer->len = static_cast<Stream*>(handle->data)->room();
      },
      [](uv_stream_t* handle, ssize_t size, const uv_buf_t* buffer) {
        static_cast<Stream*>(handle->data)
            ->on_uv_read(size, reinterpret_cast<const std::uint8_t*>(buffer->base));
      });
}

void Stream::stop_reading() {
  if (!reading_) return;
  reading_ = false;
  if (patience_ != nullptr) patience_->turn.cancel();
  uv_read_stop(stream());
}

/// Bytes that may be read now.
std::size_t Stream::room() {
  if (patience_ != nullptr) return 0;
  const Loop& loop = Loop::of(handle());
  if (round_ != loop.round()) {
    round_ = loop.round();
    read_ = 0;
  }
  const std::uint32_t budget = loop.budget().read_bytes;
  return std::min<std::size_t>(budget - std::min(budget, read_), loop.read_buffer().size());
}

void Stream::on_uv_read(ssize_t size, const std::uint8_t* bytes) {
  if (size == 0) return;  // nothing there after all
  if (size == UV_ENOBUFS) {
    if (patience_ == nullptr) return;  // this round's budget is used up
    // Not asked again and again while it waits.
    uv_read_stop(stream());
    Loop::of(handle()).enqueue_late(patience_->turn);
    return;
  }
  if (size < 0) {
    end(size == UV_EOF ? 0 : static_cast<int>(size));
    return;
  }
  const auto count = static_cast<std::uint32_t>(size);  // at most Loop::kReadSize
  read_ += count;
  if (state_ == State::finishing) {
    if (count > discard_) return close();
    discard_ -= count;
    return;
  }
  handler_.on_read(*this, {bytes, count});
}

void Stream::set_patient(bool patient) {
  if (patient == (patience_ != nullptr)) return;
  // The task of one that waits leaves its queue, and bytes would wait for ever.
  const bool waits = patience_ != nullptr && patience_->turn.is_queued();
  patience_ = patient ? std::make_unique<Patience>(*this) : nullptr;
  if (waits && reading_) static_cast<void>(start_uv_read());
}

/// The turn of a patient stream: reads once.
void Stream::read_once() {
  if (const int error = start_uv_read(); error != 0) return end(error);
  uv_os_fd_t fd = -1;
  if (const int error = uv_fileno(handle(), &fd); error != 0) return end(error);
  const Loop& loop = Loop::of(handle());
  const auto buffer = loop.read_buffer().first(
      std::min<std::size_t>(loop.budget().read_bytes, loop.read_buffer().size()));
  const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
  if (size > 0) {
    on_uv_read(size, buffer.data());
  } else if (size == 0) {
    end(0);
  } else if (errno != EAGAIN && errno != EINTR) {
    end(uv_translate_sys_error(errno));
  }
}

void Stream::end(int error) {
  stop_reading();
  ended_ = true;
  if (state_ == State::finishing) {
    // An end of the peer while bytes are pending does not stop them.
    if (error != 0 || backlog_ == nullptr) close();
    return;
  }
  if (state_ == State::open) handler_.on_end(*this, error);
}

int Stream::write(std::span<const Bytes> segments) {
  if (state_ != State::open) return UV_EPIPE;
  std::size_t at = 0;     // first segment that is not gone whole
  std::size_t taken = 0;  // of it
  while (backlog_ == nullptr && at < segments.size()) {
    std::array<uv_buf_t, kSegmentsPerWrite> buffers;
    std::size_t count = 0;
    std::size_t total = 0;
    while (count < buffers.size() && at + count < segments.size()) {
      buffers[count] = as_buffer(segments[at + count]);
      total += buffers[count++].len;
    }
    int result = uv_try_write(stream(), buffers.data(), static_cast<unsigned>(count));
    if (result == UV_EAGAIN) result = 0;
    if (result < 0) return result;
    auto done = static_cast<std::size_t>(result);
    sent_ += done;
    if (done == total) {
      at += count;
      continue;
    }
    while (done >= segments[at].size()) done -= segments[at++].size();
    taken = done;
    break;
  }
  if (at == segments.size()) return 0;

  const bool idle = backlog_ == nullptr;
  if (idle) backlog_ = std::make_unique<Backlog>();
  Buffer& buffer = idle ? backlog_->in_flight : backlog_->next;
  std::size_t left = 0;
  for (std::size_t i = at; i < segments.size(); ++i) left += segments[i].size();
  static_cast<void>(buffer.prepare(left - taken));
  backlog_->added += left - taken;
  for (; at < segments.size(); ++at, taken = 0) buffer.append(segments[at].subspan(taken));
  return idle ? write_backlog() : 0;
}

int Stream::write_backlog() {
  const uv_buf_t buffer = as_buffer(backlog_->in_flight.bytes());
  backlog_->request.data = this;
  const int error =
      uv_write(&backlog_->request, stream(), &buffer, 1, [](uv_write_t* request, int status) {
        static_cast<Stream*>(request->data)->on_uv_write(status);
      });
  if (error != 0) backlog_.reset();
  return error;
}

void Stream::on_uv_write(int status) {
  if (state_ == State::closing) return;  // the backlog goes with the handle
  if (status < 0) {
    backlog_.reset();
    end(status);
    return;
  }
  sent_ += backlog_->in_flight.size();
  backlog_->in_flight.clear();
  if (backlog_->next.empty()) {
    backlog_.reset();
  } else {
    backlog_->in_flight.swap(backlog_->next);
    if (const int error = write_backlog(); error != 0) {
      end(error);
      return;
    }
  }
  if (state_ == State::open) {
    handler_.on_progress(*this);
  } else if (backlog_ == nullptr) {
    flushed();
  }
}

std::size_t Stream::pending() const {
  if (backlog_ == nullptr) return 0;
  return tcp_.write_queue_size + backlog_->next.size();
}

std::uint64_t Stream::drained() const {
  return backlog_ == nullptr ? 0 : backlog_->added - pending();
}

std::uint64_t Stream::take_sent() { return std::exchange(sent_, 0); }

void Stream::finish(std::uint32_t discard) {
  if (state_ != State::open) return;
  state_ = State::finishing;
  discard_ = discard;
  // What is thrown away costs next to nothing and needs no turn.
  if (patience_ != nullptr && patience_->turn.is_queued()) stop_reading();
  patience_.reset();
  // Read even while bytes are pending: two peers that both wait for the other to read end here.
  if (start_reading() != 0) {
    close();
  } else if (backlog_ == nullptr) {
    flushed();
  }
}

void Stream::flushed() {
  uv_os_fd_t fd = -1;
  if (ended_ || uv_fileno(handle(), &fd) != 0 || ::shutdown(fd, SHUT_WR) != 0) close();
}

void Stream::close() {
  if (state_ != State::open && state_ != State::finishing) return;
  state_ = State::closing;
  reading_ = false;
  patience_.reset();
  uv_close(handle(), [](uv_handle_t* closed) {
    auto& self = *static_cast<Stream*>(closed->data);
    self.backlog_.reset();
    self.state_ = State::closed;
    self.handler_.on_closed(self);  // may destroy the stream
  });
}

}  // namespace sallyport::net
