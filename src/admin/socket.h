#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>

#include <uv.h>

#include "sallyport/settings.h"

#include "admin/reply.h"
#include "net/loop.h"
#include "net/socket.h"
#include "net/timers.h"

namespace sallyport::admin {

struct Options {
  std::string path;  // of the socket; mode 0600
  settings::Admin bounds = {};
};

/// The admin socket: who may connect to it may run the commands. That is the user of this process
/// and root, whom the kernel tells by the peer's credentials, whatever the file's mode has become.
///
/// Each client has one request under way at a time; what it sends meanwhile waits in the kernel. A
/// client that is slow, silent or sends a line over the bound is closed, and costs no other
/// anything.
///
/// Thread: the loop's. The owner calls close(), and destroys the object when the loop has run
/// again.
class Socket final : private net::Timer::Handler {
 public:
  class Handler {
   public:
    /// A line, without its line feed; valid during the call. Exactly one answer is owed for it.
    virtual void on_request(std::string_view line, Reply reply) = 0;

   protected:
    ~Handler() = default;
  };

  /// Listens. A socket file that nobody listens on any more is replaced. The error is a sentence
  /// for the operator. `loop`, `timers` and `handler` outlive the object.
  [[nodiscard]] static std::expected<std::unique_ptr<Socket>, std::string> open(net::Loop& loop,
                                                                                net::Timers& timers,
                                                                                Options options,
                                                                                Handler& handler);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// Closes the socket and all clients, and removes the file.
  void close();

  [[nodiscard]] std::size_t clients() const { return clients_.size(); }

 private:
  struct Client;
  struct Answer;

  Socket(net::Loop& loop, net::Timers& timers, Options options, Handler& handler)
      : loop_(loop), options_(std::move(options)), handler_(handler), timer_(timers, *this) {}

  void on_timer(Instant now) override;
  void accept();
  void adopt(net::Socket socket);
  void on_readable(Client& client);
  void advance(Client& client);
  void answer(std::uint64_t number, const std::string& line);
  [[nodiscard]] bool flush(Client& client);
  void watch(Client& client);
  void drop(Client& client);
  void watch_timeouts();

  net::Loop& loop_;
  const Options options_;
  Handler& handler_;
  net::Timer timer_;
  net::Socket socket_;
  uv_poll_t poll_{};
  bool open_ = false;
  std::uint64_t next_number_ = 0;
  std::map<std::uint64_t, Client*> clients_;  // each deletes itself when its handle has closed
  std::shared_ptr<Socket*> self_ = std::make_shared<Socket*>(this);  // for answers that come late
};

}  // namespace sallyport::admin
