#include "net/tasks.h"

#include <utility>

namespace sallyport::net {

void Task::leave() {
  previous_->next_ = next_;
  next_->previous_ = previous_;
  previous_ = nullptr;
  next_ = nullptr;
}

TaskQueue::TaskQueue() : ends_(*this) {
  ends_.next_ = &ends_;
  ends_.previous_ = &ends_;
}

TaskQueue::~TaskQueue() {
  while (!empty()) ends_.next_->cancel();
}

void TaskQueue::push(Task& task, std::uint32_t round) {
  if (task.is_queued()) return;
  task.round_ = round;
  task.next_ = &ends_;
  task.previous_ = std::exchange(ends_.previous_, &task);
  task.previous_->next_ = &task;
}

void TaskQueue::run_first() {
  Task& first = *ends_.next_;
  first.cancel();
  first.handler_.on_run(first);  // may destroy the task
}

void TaskQueue::run_before(std::uint32_t round, std::uint32_t most) {
  for (; most != 0 && !empty() && ends_.next_->round_ != round; --most) run_first();
}

void TaskQueue::run(std::uint32_t most) {
  for (; most != 0 && !empty(); --most) run_first();
}

}  // namespace sallyport::net
