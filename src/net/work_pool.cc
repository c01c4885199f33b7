#include "net/work_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <pthread.h>

namespace sallyport::net {

/// A job on its way, under the pool's lock; while it runs, the job is the running thread's.
struct WorkPool::Task {
  std::unique_ptr<Job> job;
  Port* port;  // null: nobody waits for it any more
};

WorkPool::Ticket& WorkPool::Ticket::operator=(Ticket&& other) noexcept {
  if (this != &other) {
    cancel();
    pool_ = other.pool_;
    task_ = std::move(other.task_);
  }
  return *this;
}

void WorkPool::Ticket::cancel() {
  if (task_ != nullptr) pool_->cancel(std::exchange(task_, nullptr));
}

std::expected<std::unique_ptr<WorkPool>, int> WorkPool::make(Settings settings) {
  std::unique_ptr<WorkPool> pool(new WorkPool(settings));
  try {
    for (std::size_t i = 0; i < std::max<std::size_t>(settings.threads, 1); ++i) {
      pool->threads_.emplace_back([&pool = *pool] { pool.work(); });
    }
  } catch (const std::system_error&) {
    return std::unexpected(UV_EAGAIN);  // the destructor ends those that did start
  }
  return pool;
}

WorkPool::~WorkPool() {
  std::deque<std::shared_ptr<Task>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::size_t WorkPool::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void WorkPool::work() {
  // Best effort: for those who look with top or a debugger.
  pthread_setname_np(pthread_self(), "work-pool");
  for (;;) {
    std::shared_ptr<Task> task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
      running_.push_back(task);
    }
    task->job->run();
    // Destroyed without the lock where nobody waits for it, for wiping takes its time.
    std::unique_ptr<Job> unwanted;
    const std::lock_guard lock(mutex_);
    std::erase(running_, task);
    if (task->port == nullptr) {
      unwanted = std::move(task->job);
    } else {
      task->port->finished_.push_back(task);
      task->port->wakeup_.notify();
    }
  }
}

void WorkPool::cancel(const std::shared_ptr<Task>& task) {
  std::unique_ptr<Job> unwanted;
  const std::lock_guard lock(mutex_);
  task->port = nullptr;
  if (std::ranges::find(running_, task) != running_.end()) return;  // its thread destroys the job
  unwanted = std::move(task->job);
  std::erase(queue_, task);  // where it still waits
}

int WorkPool::Port::open(Loop& loop) {
  const int error = wakeup_.open(loop);
  const std::lock_guard lock(pool_.mutex_);
  open_ = error == 0;
  return error;
}

void WorkPool::Port::close() {
  std::vector<std::unique_ptr<Job>> unwanted;
  const std::lock_guard lock(pool_.mutex_);
  if (!std::exchange(open_, false)) return;
  const auto drop = [&](const std::shared_ptr<Task>& task) {
    if (task->port != this) return false;
    task->port = nullptr;
    unwanted.push_back(std::move(task->job));
    return true;
  };
  std::erase_if(pool_.queue_, drop);
  std::erase_if(finished_, drop);
  for (const auto& task : pool_.running_) {
    if (task->port == this) task->port = nullptr;
  }
  wakeup_.close();
}

WorkPool::Ticket WorkPool::Port::submit(std::unique_ptr<Job> job) {
  auto task = std::make_shared<Task>(std::move(job), this);
  {
    const std::lock_guard lock(pool_.mutex_);
    if (!open_ || pool_.queue_.size() >= pool_.settings_.queue) return {};
    pool_.queue_.push_back(task);
  }
  pool_.changed_.notify_one();
  return Ticket(pool_, std::move(task));
}

/// One by one, for finish() may destroy other tickets, or close the port.
void WorkPool::Port::on_wakeup() {
  std::size_t count = 0;
  {
    const std::lock_guard lock(pool_.mutex_);
    count = finished_.size();
  }
  for (; count != 0; --count) {
    std::unique_ptr<Job> job;
    {
      const std::lock_guard lock(pool_.mutex_);
      if (finished_.empty()) return;
      const std::shared_ptr<Task> task = std::move(finished_.front());
      finished_.pop_front();
      task->port = nullptr;
      job = std::move(task->job);
    }
    if (job != nullptr) job->finish();
  }
}

}  // namespace sallyport::net
