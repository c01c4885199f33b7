#pragma once

#include <cstdint>

namespace sallyport::net {

class TaskQueue;

/// Work that is left over and goes on in a later round of the loop, after everybody else has had
/// a turn. Lives in its owner; a queue refers to it while it waits, and takes no memory for that.
///
/// Thread: the loop's.
class Task final {
 public:
  class Handler {
   public:
    /// The task's turn has come; it is in no queue any more. May enqueue it again, or destroy it.
    virtual void on_run(Task& task) = 0;

   protected:
    ~Handler() = default;
  };

  /// `handler` outlives the task.
  explicit Task(Handler& handler) : handler_(handler) {}
  ~Task() { cancel(); }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  [[nodiscard]] bool is_queued() const { return next_ != nullptr; }
  /// Leaves its queue; no effect where it is in none.
  void cancel() {
    if (is_queued()) leave();
  }

 private:
  friend class TaskQueue;
  void leave();

  Handler& handler_;
  Task* previous_ = nullptr;  // null: in no queue
  Task* next_ = nullptr;
  std::uint32_t round_ = 0;  // in which it was enqueued
};

/// Tasks in the order in which they were enqueued.
class TaskQueue final : private Task::Handler {
 public:
  TaskQueue();
  /// The tasks that still wait are in no queue afterwards.
  ~TaskQueue();
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  [[nodiscard]] bool empty() const { return ends_.next_ == &ends_; }
  /// No effect where the task is in a queue already.
  void push(Task& task, std::uint32_t round);
  /// Runs at most `most` tasks, from the front, up to the first that was enqueued in `round`.
  void run_before(std::uint32_t round, std::uint32_t most);
  /// Runs at most `most` tasks, from the front.
  void run(std::uint32_t most);

 private:
  void on_run(Task&) override {}
  void run_first();

  Task ends_;  // before the first and behind the last
};

}  // namespace sallyport::net
