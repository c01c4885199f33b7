#pragma once

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "sallyport/bytes.h"

#include "net/loop.h"
#include "net/socket.h"
#include "net/stream.h"
#include "net/timers.h"

namespace sallyport::net {

/// A loop that is driven until something has happened. No outcome depends on a time: the limit only
/// turns a test that would wait for ever into one that fails.
class TestLoop final {
 public:
  TestLoop() : loop_(std::move(Loop::make().value())) {
    std::signal(SIGPIPE, SIG_IGN);
    REQUIRE(timers_.open(*loop_) == 0);
  }
  ~TestLoop() {
    timers_.close();
    loop_->run();
  }

  /// What is ready now, and no more.
  void round() { uv_run(loop_->native(), UV_RUN_NOWAIT); }

  template <typename Condition>
  void until(Condition condition) {
    const Instant limit = Loop::now() + std::chrono::seconds(20);
    while (!condition()) {
      uv_run(loop_->native(), UV_RUN_NOWAIT);
      // The far ends of sockets are not the loop's, so it cannot wait for them.
      pollfd entry{uv_backend_fd(loop_->native()), POLLIN, 0};
      ::poll(&entry, 1, 1);
      REQUIRE(Loop::now() < limit);
    }
  }
  /// Everything that is ready now, without waiting.
  void drain() {
    for (int i = 0; i < 5; ++i) uv_run(loop_->native(), UV_RUN_NOWAIT);
  }

  Loop& operator*() { return *loop_; }
  Timers& timers() { return timers_; }

 private:
  std::unique_ptr<Loop> loop_;
  Timers timers_;
};

inline Address loopback(std::uint16_t port = 0) { return *Address::parse("127.0.0.1", port); }

/// A listening socket on a port that the kernel chose.
struct Port {
  explicit Port(const Address& at = loopback())
      : socket(std::move(listen_on(at, {}).value())), address(*local_address(socket)) {}
  Socket socket;
  Address address;
};

inline bool wait_for(int fd, short events) {
  pollfd entry{fd, events, 0};
  return ::poll(&entry, 1, 20'000) == 1;
}

/// Two ends of one TCP connection: `near` for the code under test, `far` for the test itself.
/// Neither blocks.
struct SocketPair {
  SocketPair() {
    Port port;
    far = Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(far.fd(), port.address.native(), port.address.size()) == 0);
    REQUIRE(wait_for(port.socket.fd(), POLLIN));
    near = Socket(::accept4(port.socket.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    REQUIRE(near);
    set_far_nonblocking();
  }
  void set_far_nonblocking() const {
    const int flags = ::fcntl(far.fd(), F_GETFL);
    REQUIRE(::fcntl(far.fd(), F_SETFL, flags | O_NONBLOCK) == 0);
  }
  /// What the far end has received so far; `ended` is set by the end of the stream.
  std::string receive() {
    std::string all;
    std::array<char, 65536> buffer;
    for (;;) {
      const ssize_t n = ::recv(far.fd(), buffer.data(), buffer.size(), 0);
      if (n > 0) {
        all.append(buffer.data(), static_cast<std::size_t>(n));
        continue;
      }
      if (n == 0) ended = true;
      if (n < 0 && errno == ECONNRESET) reset = true;
      return all;
    }
  }
  void send(std::string_view text) const {
    REQUIRE(::send(far.fd(), text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }

  Socket near;
  Socket far;
  bool ended = false;
  bool reset = false;
};

/// Writes down what a Stream tells.
struct StreamLog final : Stream::Handler {
  void on_read(Stream&, Bytes bytes) override { received.append(as_text(bytes)); }
  void on_end(Stream&, int error) override { ends.push_back(error); }
  void on_progress(Stream&) override { ++progress; }
  void on_closed(Stream&) override { ++closed; }

  std::string received;
  std::vector<int> ends;
  int progress = 0;
  int closed = 0;
};

}  // namespace sallyport::net
