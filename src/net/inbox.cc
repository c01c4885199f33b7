#include "net/inbox.h"

#include <utility>

namespace sallyport::net {

int Inbox::open(Loop& loop) {
  const std::lock_guard lock(mutex_);
  const int error = wakeup_.open(loop);
  open_ = error == 0;
  return error;
}

void Inbox::post(Function function) {
  const std::lock_guard lock(mutex_);
  if (!open_) return;
  functions_.push_back(std::move(function));
  wakeup_.notify();
}

void Inbox::close() {
  std::vector<Function> dropped;
  const std::lock_guard lock(mutex_);
  if (!std::exchange(open_, false)) return;
  dropped.swap(functions_);
  wakeup_.close();
}

void Inbox::on_wakeup() {
  std::vector<Function> functions;
  {
    const std::lock_guard lock(mutex_);
    functions.swap(functions_);
  }
  for (Function& function : functions) function();
}

}  // namespace sallyport::net
