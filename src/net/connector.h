#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include <uv.h>

#include "net/loop.h"
#include "net/resolver.h"
#include "net/socket.h"
#include "net/timers.h"

namespace sallyport::net {

/// Makes one TCP connection to what a Resolver knows: address after address until one answers, all
/// within one time limit, of which each address gets its share.
///
/// Thread: the loop's. Used once. May be destroyed at any time, in its own callbacks too; then
/// nothing is called any more.
class Connector final : private Resolver::Waiter, private Timer::Handler {
 public:
  class Handler {
   public:
    /// The socket does not block and is connected. Last callback.
    virtual void on_connected(Socket socket) = 0;
    /// `error` is a libuv error code: the last address's failure, or (UV_EAI_...) the name's. Last
    /// callback.
    virtual void on_connect_failed(int error) = 0;

   protected:
    ~Handler() = default;
  };

  /// All outlive the connector.
  Connector(Loop& loop, Timers& timers, Resolver& resolver, Handler& handler)
      : loop_(loop), resolver_(resolver), handler_(handler), timer_(timers, *this) {}
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  /// Callbacks come from the loop, never out of this call.
  void start(Instant now, Duration limit);

 private:
  struct Attempt;

  void on_resolved(const std::vector<Address>& addresses, int error) override;
  void on_timer(Instant now) override;
  void try_next(Instant now);
  void on_attempt(int error);
  void abandon();
  void fail(int error);

  Loop& loop_;
  Resolver& resolver_;
  Handler& handler_;
  Timer timer_;
  Instant deadline_ = kNever;
  std::vector<Address> addresses_;
  std::size_t next_ = 0;
  int error_ = 0;               // of the last attempt
  Attempt* attempt_ = nullptr;  // frees itself in its close callback
};

}  // namespace sallyport::net
