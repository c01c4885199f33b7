#pragma once

#include <atomic>
#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "proxy/commands.h"
#include "proxy/door.h"
#include "proxy/settings.h"
#include "proxy/worker.h"

namespace sallyport::proxy {

/// Why the server could not start, ready to be shown.
struct StartError {
  policy::Origin origin;  // line 0: it is about no line
  std::string message;    // "address 0.0.0.0:8883 is already in use"
  std::string hint;       // what to do about it; may be empty
};

/// All workers. Starts all or nothing: every address is bound before the first connection is
/// accepted anywhere.
///
/// Thread: one, the composition root's. Ending is asynchronous: drain(), then
/// Watcher::on_stopped(), then the destructor, which waits for the threads.
class Server final {
 public:
  class Watcher : public Worker::Watcher {
   public:
    /// Every worker has ended. Called once, on a worker's thread.
    virtual void on_stopped() = 0;

   protected:
    ~Watcher() = default;
  };

  /// Binds every address. There are as many workers as `events`; worker i reports to events[i].
  /// `events`, `watcher` and `pool` (Worker::make) outlive the server. SIGPIPE must be ignored by
  /// the process.
  [[nodiscard]] static std::expected<std::unique_ptr<Server>, StartError> bind(
      std::shared_ptr<const Snapshot> snapshot, std::span<GatewayEvents* const> events,
      Watcher& watcher, net::WorkPool* pool = nullptr);
  /// Where it was served and not drained, drains at once.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Starts the threads. An error leaves none running; the server can only be destroyed then.
  /// `own_files`: Door::set_own_files().
  [[nodiscard]] std::expected<void, StartError> serve(std::uint64_t own_files = 0);

  /// Door::most_by_files() for what is in force.
  [[nodiscard]] std::uint32_t most_by_files() const;

  /// Swaps policy, certificates, limits and broker in every worker. Sockets stay as they were
  /// bound: the answer says, one line each, what in `snapshot` needs a restart. `done` hears, when
  /// every live session follows the new policy, how many were judged anew (Worker::post_reload).
  [[nodiscard]] std::vector<std::string> reload(std::shared_ptr<const Snapshot> snapshot,
                                                Reply<std::size_t> done = {});

  /// Accepts no more, says goodbye to every session in the course of `window` (Departures), and
  /// ends the workers, all within `limit`. A second call can only shorten the limit.
  void drain(Duration limit, Duration window = Duration::zero());

  // Questions to all workers. Each is answered once, on the thread of the reply's inbox; a worker
  // that has ended adds nothing. Returns false, and nothing is asked, where Snapshot::questions
  // wait for their answers already.

  /// The sessions that fit, `most` of them at most, in no order.
  [[nodiscard]] bool list(const SessionFilter& filter, std::size_t most,
                          Reply<std::vector<SessionRow>> reply);
  /// Ends the sessions that fit, for the reason `why`; a 5.0 client is told `reason`. The answer is
  /// how many.
  [[nodiscard]] bool end(const SessionFilter& filter, Check why, mqtt::ReasonCode reason,
                         Reply<std::size_t> reply);
  /// One row for each worker that runs.
  [[nodiscard]] bool status(Reply<std::vector<WorkerStatus>> reply);

  /// The address that a listener is bound to (where port 0 was asked for, which the kernel chose).
  [[nodiscard]] const net::Address& address(std::size_t listener) const {
    return addresses_[listener];
  }

 private:
  explicit Server(Watcher& watcher) : watcher_(watcher) {}
  template <typename T>
  [[nodiscard]] Answer<T> ask(Reply<T> reply);

  Watcher& watcher_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<net::Address> addresses_;
  std::unique_ptr<Door> door_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> running_{0};
  std::shared_ptr<int> questions_ = std::make_shared<int>();  // each that waits has a reference
};

}  // namespace sallyport::proxy
