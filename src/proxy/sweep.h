#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "net/loop.h"
#include "proxy/commands.h"

namespace sallyport::proxy {

class Relay;

/// Does for all relays of a worker what a command asks, a slice of them in each round of the loop,
/// so that no command keeps the loop from its sockets. The tasks go one after the other.
///
/// A task goes through the relays from the last to the first. Worker::remove() moves the last one
/// into the hole; so a relay may come twice, and its `swept` says that it was visited. A relay that
/// begins meanwhile stands behind, under the newest snapshot, and is not visited.
///
/// Thread: the worker's.
class Sweep final : private net::Task::Handler {
 public:
  using Relays = std::vector<std::unique_ptr<Relay>>;

  /// Both outlive the sweep.
  Sweep(net::Loop& loop, Relays& relays) : loop_(loop), relays_(relays), turn_(*this) {}
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  /// Relays that one round visits; not 0.
  void set_slice(std::uint32_t relays) { slice_ = relays; }
  /// The first slice comes in the loop's next round.
  void begin(SweepTask task);
  /// The policy has changed. One task that has not begun serves all who want it; one that has goes
  /// on under the newest policy, and another one follows it for those that it had visited before:
  /// however often the policy changes, every session is reached.
  void judge(std::vector<Count> answers);
  /// Forgets all tasks; their answers go as they are.
  void clear();
  /// Tasks that are not done.
  [[nodiscard]] std::size_t pending() const { return tasks_.size(); }

 private:
  void on_run(net::Task& task) override;
  void begin_first();

  net::Loop& loop_;
  Relays& relays_;
  net::Task turn_;
  std::deque<SweepTask> tasks_;
  std::size_t left_ = 0;      // of the first task: those before this have not been visited
  std::uint64_t number_ = 0;  // of the first task
  std::uint32_t slice_ = 1;
  bool visited_ = false;  // the first task has visited somebody
};

}  // namespace sallyport::proxy
