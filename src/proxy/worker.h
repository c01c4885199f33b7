#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "sallyport/session.h"

#include "net/listener.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/timers.h"
#include "net/work_pool.h"
#include "proxy/commands.h"
#include "proxy/departures.h"
#include "proxy/dialer.h"
#include "proxy/door.h"
#include "proxy/relay.h"
#include "proxy/settings.h"
#include "proxy/sweep.h"
#include "transport/stack.h"

namespace sallyport::proxy {

/// One thread's worth of gateway: a loop, a listener for each address, the relays of the
/// connections that they accepted, and the buffers that all of those share.
///
/// Thread: made, and destroyed, by the server's; run() is the thread; post_*() may be called from
/// any thread while run() runs; all else is for the relays, on the worker's thread.
class Worker final : private net::Wakeup::Handler,
                     private net::Listener::Handler,
                     private net::Timer::Handler {
 public:
  /// Told about what is no connection's business. Called on the worker's thread.
  class Watcher {
   public:
    /// accept() pauses for want of descriptors or memory; said at most once in
    /// AcceptSettings::say_every.
    virtual void on_accept_paused(std::string_view listener, std::string_view error) = 0;

   protected:
    ~Watcher() = default;
  };

  struct Place {
    std::size_t index = 0;  // of `count` workers
    std::size_t count = 1;
    std::uint64_t first_session = 0;  // session numbers of the process begin here
  };

  /// `sockets` stand in the order of the snapshot's listeners. All workers share one door. `door`,
  /// `events`, `watcher` and `pool` outlive the worker. `pool`: threads for authenticators; null:
  /// there are none, and every login is unavailable. Fails with a libuv error code.
  [[nodiscard]] static std::expected<std::unique_ptr<Worker>, int> make(
      Place place, std::shared_ptr<const Snapshot> snapshot, std::vector<net::Socket> sockets,
      Door& door, GatewayEvents& events, Watcher& watcher, net::WorkPool* pool);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Serves until the end of a drain.
  void run();

  /// Any thread. New connections, and those that say CONNECT, follow `snapshot` from the next round
  /// of the loop on; live sessions when a sweep has come to them, and are judged by the grants that
  /// they had until then. `done` (or null) is told how many were judged anew, when all have been.
  void post_reload(std::shared_ptr<const Snapshot> snapshot, Count done);
  struct Drain {
    Duration limit{};
    Duration window{};
  };
  /// Any thread. Accepts no more, says goodbye to all sessions in the course of the window, and
  /// ends run() when the last one is gone, which is bounded by the limit. A second call can only
  /// shorten the limit.
  void post_drain(const Drain& drain);
  /// Any thread. The caller bounds how many questions wait for an answer.
  using Question = std::variant<task::List, task::End, Answer<std::vector<WorkerStatus>>>;
  void post(Question question);

  // For the relays.
  [[nodiscard]] net::Loop& loop() { return *loop_; }
  [[nodiscard]] net::Timers& timers() { return timers_; }
  [[nodiscard]] Dialer& dialer() { return dialer_; }
  /// Where an authenticator hands in what takes long; null: nowhere.
  [[nodiscard]] net::WorkPool::Port* port() { return port_ ? &*port_ : nullptr; }
  [[nodiscard]] Door& door() { return door_; }
  [[nodiscard]] GatewayEvents& events() { return events_; }
  [[nodiscard]] const Snapshot& snapshot() const { return *snapshot_; }
  /// Empty between turns.
  [[nodiscard]] Turn& turn() { return turn_; }
  /// Where layers put what they make of the bytes of this turn.
  [[nodiscard]] transport::Stack::Scratch& scratch() { return scratch_; }
  /// What layers have for a side at the end of this turn. Empty between turns.
  [[nodiscard]] Buffer& outer(Side side) { return outer_[static_cast<std::size_t>(side)]; }
  /// What relays count here the next heartbeat reports.
  [[nodiscard]] WireBytes& wire() { return wire_; }
  /// Unique among all workers.
  [[nodiscard]] std::uint64_t next_session_id() { return next_id_ += place_.count; }
  /// Of one turn in 16 it is told how long it took.
  [[nodiscard]] bool samples_turn() { return (turns_++ & 15) == 0; }
  /// The relay's session is fed: with the next heartbeat it is told what it has moved.
  void add_mover(Relay& relay) {
    relay.mover = static_cast<std::uint32_t>(movers_.size());
    movers_.push_back(&relay);
  }
  /// Deletes the relay.
  void remove(Relay& relay);

 private:
  Worker(Place place, std::shared_ptr<const Snapshot> snapshot, Door& door, GatewayEvents& events,
         Watcher& watcher, std::unique_ptr<net::Loop> loop);

  struct Mail {
    std::shared_ptr<const Snapshot> snapshot;
    std::vector<Count> reloads;  // who wants to know when that has reached all sessions
    std::optional<Drain> drain;
    std::vector<Question> questions;
  };

  void on_wakeup() override;
  void on_connection(net::Listener& listener, net::Socket socket,
                     const net::Address& peer) override;
  void on_accept_paused(net::Listener& listener, int error) override;
  void on_timer(Instant now) override;
  void reload(std::shared_ptr<const Snapshot> snapshot, std::vector<Count> answers);
  void follow_snapshot();
  void tell_moved();
  void watch_wall_clock(Instant now);
  void answer(Question question);
  [[nodiscard]] WorkerStatus status() const;
  void drain(const Drain& drain);
  void let_go(Instant now);
  void end();

  /// A drain's next departures: at a time, or in the next round of the loop.
  struct Departing final : net::Timer::Handler, net::Task::Handler {
    explicit Departing(Worker& owner) : worker(owner), timer(owner.timers_, *this), turn(*this) {}
    void on_timer(Instant now) override { worker.let_go(now); }
    void on_run(net::Task&) override { worker.let_go(net::Loop::now()); }
    void cancel() {
      timer.set(kNever);
      turn.cancel();
    }
    Worker& worker;
    net::Timer timer;
    net::Task turn;
  };

  const Place place_;
  GatewayEvents& events_;
  Watcher& watcher_;
  std::shared_ptr<const Snapshot> snapshot_;
  Door& door_;

  std::unique_ptr<net::Loop> loop_;
  net::Timers timers_;
  net::Wakeup wakeup_;
  std::optional<net::WorkPool::Port> port_;
  net::Resolver resolver_;
  Dialer dialer_;
  net::Timer heartbeat_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  Sweep::Relays relays_;
  std::vector<Relay*> movers_;
  std::uint32_t turns_ = 0;
  Sweep sweep_;
  Departures<Relay> departures_;
  Departing departing_{*this};

  Turn turn_;
  transport::Stack::Scratch scratch_;
  std::array<Buffer, 2> outer_;
  WireBytes wire_;
  std::uint64_t next_id_;

  bool open_ = false;
  bool draining_ = false;
  Instant drain_until_ = kNever;
  Instant pause_said_{};
  Duration wall_ahead_{};  // of the monotonic clock, at the last heartbeat
  bool watches_wall_clock_ = false;

  std::mutex mutex_;
  Mail mail_;           // under mutex_
  bool ended_ = false;  // under mutex_
};

}  // namespace sallyport::proxy
