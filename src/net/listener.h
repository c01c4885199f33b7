#pragma once

#include <uv.h>

#include "net/loop.h"
#include "net/socket.h"
#include "net/timers.h"

namespace sallyport::net {

/// Accepts connections on a socket that listens. A budget for each round of the loop keeps a flood
/// of new connections from starving those that are open. Where the process or the system is out of
/// descriptors or memory it pauses: new connections wait in the kernel's queue instead of spinning
/// the loop or being thrown away.
///
/// Thread: the loop's.
class Listener final : private Timer::Handler {
 public:
  class Handler {
   public:
    /// The socket does not block. Dropping it closes the connection.
    virtual void on_connection(Listener& listener, Socket socket, const Address& peer) = 0;
    /// accept() failed for want of something; it is tried again after Settings::pause.
    virtual void on_accept_paused(Listener& listener, int error) = 0;

   protected:
    ~Handler() = default;
  };

  struct Settings {
    std::uint32_t budget = 16;                        // connections that one round accepts
    Duration pause = std::chrono::milliseconds(100);  // where accept() failed
  };

  /// `handler` and `timers` outlive the listener. `index` is the owner's business.
  Listener(Timers& timers, Handler& handler, Socket socket, std::size_t index,
           const Settings& settings)
      : handler_(handler),
        timer_(timers, *this),
        socket_(std::move(socket)),
        index_(index),
        settings_(settings) {}
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// 0, or a libuv error code.
  [[nodiscard]] int start(Loop& loop);
  /// Accepts no more and closes the socket. The object stays until the loop has run again.
  void close();

  /// From the next round on.
  void set(const Settings& settings) { settings_ = settings; }
  [[nodiscard]] std::size_t index() const { return index_; }

 private:
  void on_timer(Instant now) override;
  void listen();
  void accept();
  void pause(int error);

  Handler& handler_;
  Timer timer_;
  Socket socket_;
  std::size_t index_;
  Settings settings_;
  uv_poll_t poll_{};
  bool open_ = false;
};

}  // namespace sallyport::net
