#include "net/loop.h"

#include <cstdlib>

namespace sallyport::net {

std::string_view describe(int error) {
  // uv_strerror() allocates, and never frees, for a code that it does not know.
  switch (error) {
#define X(name, text) \
  case UV_##name:     \
    return text;
    UV_ERRNO_MAP(X)
#undef X
    default:
      return "unknown system error";
  }
}

Loop::Loop() : loop_(), read_buffer_(new std::uint8_t[kReadSize]) {}

std::expected<std::unique_ptr<Loop>, int> Loop::make() {
  std::unique_ptr<Loop> loop(new Loop);
  if (const int error = uv_loop_init(&loop->loop_); error != 0) {
    loop->loop_.data = nullptr;
    return std::unexpected(error);
  }
  loop->loop_.data = loop.get();
  // None of these can fail. The loop runs on for a task that waits, and for nothing else of these.
  uv_check_init(&loop->loop_, &loop->check_);
  uv_idle_init(&loop->loop_, &loop->idle_);
  uv_unref(reinterpret_cast<uv_handle_t*>(&loop->check_));
  uv_check_start(&loop->check_, [](uv_check_t* handle) {
    of(reinterpret_cast<uv_handle_t*>(handle)).begin_round();
  });
  return loop;
}

Loop::~Loop() {
  if (loop_.data == nullptr) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&check_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr);
  // Close callbacks of handles that were closed, but whose loop has not run since.
  uv_run(&loop_, UV_RUN_DEFAULT);
  // A handle that is still open here would be used after it is freed: a bug that must not pass.
  if (uv_loop_close(&loop_) != 0) std::abort();
}

void Loop::run() { uv_run(&loop_, UV_RUN_DEFAULT); }
void Loop::stop() { uv_stop(&loop_); }

void Loop::enqueue(Task& task) {
  tasks_.push(task, round_);
  stay_awake();
}

void Loop::enqueue_late(Task& task) {
  late_.push(task, round_);
  stay_awake();
}

void Loop::stay_awake() {
  if (awake_) return;
  awake_ = true;
  uv_idle_start(&idle_, [](uv_idle_t*) {});
}

void Loop::begin_round() {
  ++round_;
  if (!awake_) return;
  tasks_.run_before(round_, UINT32_MAX);
  late_.run(budget_.late_tasks);
  if (!tasks_.empty() || !late_.empty()) return;
  // Also where the last one was cancelled.
  awake_ = false;
  uv_idle_stop(&idle_);
}

Loop& Loop::of(const uv_handle_t* handle) { return *static_cast<Loop*>(handle->loop->data); }

Instant Loop::now() { return Instant(Duration(static_cast<Duration::rep>(uv_hrtime()))); }

int Wakeup::open(Loop& loop) {
  async_.data = this;
  return uv_async_init(loop.native(), &async_, [](uv_async_t* handle) {
    static_cast<Wakeup*>(handle->data)->handler_.on_wakeup();
  });
}

void Wakeup::notify() { uv_async_send(&async_); }

void Wakeup::close() { uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr); }

}  // namespace sallyport::net
