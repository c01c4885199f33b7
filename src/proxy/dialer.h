#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "sallyport/checks.h"

#include "net/connector.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/socket.h"
#include "net/timers.h"
#include "proxy/settings.h"

namespace sallyport::proxy {

/// All dials of one worker to the broker. So many may run at once, so many more wait for their turn
/// in the order in which they came, and each waits so long: a storm of clients reaches the broker
/// at the pace at which it takes them.
///
/// A dial runs from the first look at the broker's name until its Ticket is destroyed: the holder
/// keeps the ticket until the connection is ready for MQTT, TLS included, so that handshakes are
/// paced, too.
///
/// Thread: the loop's. Outlives its tickets.
class Dialer final : private net::Timer::Handler {
 public:
  class Ticket;

  class Handler {
   public:
    /// The turn of a request that waited has come.
    virtual void on_dial_begun(Instant now) = 0;
    /// The socket does not block and is connected. Last callback; the ticket still holds its place.
    virtual void on_dialled(net::Socket socket) = 0;
    /// Last callback. `check`: broker_queue and broker_queue_full were never dialled. `detail`: one
    /// line of static storage.
    virtual void on_dial_failed(Check check, std::string_view detail) = 0;

   protected:
    ~Handler() = default;
  };

  /// All outlive the dialer.
  Dialer(net::Loop& loop, net::Timers& timers, net::Resolver& resolver)
      : loop_(loop), timers_(timers), resolver_(resolver), next_(timers, *this) {}
  ~Dialer();
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  /// From now on: connect_timeout, max_dials, dial_queue and dial_wait. Those who wait already keep
  /// their deadline.
  void configure(const BrokerSettings& settings);

  /// Asks for a connection to the broker. Callbacks come from the loop, never out of this call. To
  /// destroy the ticket is to be forgotten, in any state and in its callbacks, too.
  [[nodiscard]] std::unique_ptr<Ticket> request(Instant now, Handler& handler);

  [[nodiscard]] std::uint32_t running() const { return running_; }
  [[nodiscard]] std::uint32_t waiting() const { return waiting_; }

 private:
  void on_timer(Instant now) override;
  void start(Ticket& ticket, Instant now);
  void enqueue(Ticket& ticket, Instant now);
  void dequeue(Ticket& ticket);
  void release(Ticket& ticket);
  void schedule();

  net::Loop& loop_;
  net::Timers& timers_;
  net::Resolver& resolver_;
  net::Timer next_;  // places have become free, and somebody waits
  Duration connect_timeout_{};
  Duration wait_{};
  std::uint32_t most_running_ = 0;
  std::uint32_t most_waiting_ = 0;
  std::uint32_t running_ = 0;
  std::uint32_t waiting_ = 0;
  Ticket* first_ = nullptr;  // of those who wait; a list through the tickets
  Ticket* last_ = nullptr;
};

/// One request. Owner: who asked for it.
class Dialer::Ticket final : private net::Connector::Handler, private net::Timer::Handler {
 public:
  ~Ticket();
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  /// Its turn has not come; on_dial_begun() will tell.
  [[nodiscard]] bool waits() const { return state_ == State::waiting; }

 private:
  friend class Dialer;
  enum class State : std::uint8_t {
    waiting,  // in the list
    running,  // one of running_, dialling or connected
    refused,  // there was no room to wait
    over,     // it has failed
  };

  Ticket(Dialer& dialer, Dialer::Handler& handler)
      : dialer_(dialer), handler_(handler), deadline_(dialer.timers_, *this) {}

  void on_connected(net::Socket socket) override;
  void on_connect_failed(int error) override;
  void on_timer(Instant now) override;

  Dialer& dialer_;
  Dialer::Handler& handler_;
  net::Timer deadline_;  // of the wait
  std::optional<net::Connector> connector_;
  Ticket* before_ = nullptr;
  Ticket* behind_ = nullptr;
  State state_ = State::refused;
};

}  // namespace sallyport::proxy
