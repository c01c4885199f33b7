#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <expected>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "net/loop.h"

namespace sallyport::net {

/// Threads for what takes too long for a loop, such as a password hash. Not libuv's, which resolve
/// names: what waits here holds up no dial.
///
/// Thread: made and destroyed by one; used through a Port by each loop. Owner: whoever owns the
/// workers; it outlives its ports.
class WorkPool final {
 public:
  struct Settings {
    std::size_t threads = 2;
    std::size_t queue = 256;  // jobs that may wait for a thread; more are refused at once
  };

  /// Something to do. Destroyed on a thread of the pool or of its port; its destructor wipes what
  /// it knows.
  class Job {
   public:
    virtual ~Job() = default;
    /// On a thread of the pool. Does not throw.
    virtual void run() = 0;
    /// On the port's loop, after run(), unless the ticket has been destroyed. May destroy it.
    virtual void finish() = 0;
  };

 private:
  struct Task;

 public:
  class Port;

  /// Destroyed: a job that has not begun never runs, one that runs is not finished, and neither is
  /// heard of again. Destroyed on the port's loop; may outlive the port, but not the pool.
  class Ticket final {
   public:
    Ticket() = default;
    Ticket(Ticket&&) noexcept = default;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket() { cancel(); }
    /// False: the job was refused, or there never was one.
    [[nodiscard]] explicit operator bool() const { return task_ != nullptr; }

   private:
    friend class Port;
    Ticket(WorkPool& pool, std::shared_ptr<Task> task) : pool_(&pool), task_(std::move(task)) {}
    void cancel();
    WorkPool* pool_ = nullptr;
    std::shared_ptr<Task> task_;
  };

  /// Where one loop hands in jobs, and gets them back. Thread: the loop's.
  class Port final : private Wakeup::Handler {
   public:
    explicit Port(WorkPool& pool) : pool_(pool), wakeup_(*this) {}
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;

    /// 0, or a libuv error code.
    [[nodiscard]] int open(Loop& loop);
    /// Cancels all its jobs. The object stays until the loop has run again.
    void close();
    /// An empty ticket: the queue is full, or the port is closed; the job is gone. finish() is
    /// never called out of this.
    [[nodiscard]] Ticket submit(std::unique_ptr<Job> job);

   private:
    friend class WorkPool;
    void on_wakeup() override;

    WorkPool& pool_;
    Wakeup wakeup_;
    bool open_ = false;                           // under the pool's lock
    std::deque<std::shared_ptr<Task>> finished_;  // under the pool's lock
  };

  /// Starts the threads. Fails with a libuv error code where the system has none left.
  [[nodiscard]] static std::expected<std::unique_ptr<WorkPool>, int> make(Settings settings);
  /// Jobs that wait never run; waits for those that run.
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  /// Jobs that wait for a thread now.
  [[nodiscard]] std::size_t waiting() const;

 private:
  explicit WorkPool(Settings settings) : settings_(settings) {}
  void work();
  void cancel(const std::shared_ptr<Task>& task);

  const Settings settings_;
  std::vector<std::thread> threads_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_, as every Task:
  std::deque<std::shared_ptr<Task>> queue_;
  std::vector<std::shared_ptr<Task>> running_;
  bool stopping_ = false;
};

}  // namespace sallyport::net
