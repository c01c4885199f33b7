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
  return loop;
}

Loop::~Loop() {
  if (loop_.data == nullptr) return;
  // Close callbacks of handles that were closed, but whose loop has not run since.
  uv_run(&loop_, UV_RUN_DEFAULT);
  // A handle that is still open here would be used after it is freed: a bug that must not pass.
  if (uv_loop_close(&loop_) != 0) std::abort();
}

void Loop::run() { uv_run(&loop_, UV_RUN_DEFAULT); }
void Loop::stop() { uv_stop(&loop_); }

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
