#include "bench/load/workbench.h"

#include <csignal>
#include <stdexcept>
#include <string>

#include <sys/resource.h>

namespace sallyport::bench {

namespace {

void require_ok(int error, std::string_view what) {
  if (error == 0) return;
  throw std::runtime_error(std::string(what) + ": " + std::string(net::describe(error)));
}

}  // namespace

Workbench::Workbench() {
  std::signal(SIGPIPE, SIG_IGN);
  auto loop = net::Loop::make();
  if (!loop) require_ok(loop.error(), "no event loop");
  loop_ = std::move(*loop);
  require_ok(timers_.open(*loop_), "no timer");
  open_ = true;
  const int error = pacer_.open(*loop_);
  constexpr int kSignals[] = {SIGINT, SIGTERM, SIGUSR1};
  for (int i = 0; i < 3; ++i) {
    uv_signal_t& one = signals_[i];
    (void)uv_signal_init(loop_->native(), &one);  // cannot fail on a loop that is there
    one.data = this;
    (void)uv_signal_start(
        &one,
        [](uv_signal_t* handle, int signal) {
          const auto& self = *static_cast<Workbench*>(handle->data);
          if (self.handler_ == nullptr) return;
          signal == SIGUSR1 ? self.handler_->on_go() : self.handler_->on_signal();
        },
        kSignals[i]);
  }
  if (error != 0) {
    close();
    loop_->run();
    require_ok(error, "no timer");
  }
}

Workbench::~Workbench() {
  close();
  // What was closed needs its loop once more, while the handles are still there.
  loop_->run();
}

void Workbench::run(Handler& handler) {
  handler_ = &handler;
  loop_->run();
  handler_ = nullptr;
}

void Workbench::close() {
  if (!open_) return;
  open_ = false;
  timers_.close();
  pacer_.close();
  for (uv_signal_t& one : signals_) uv_close(reinterpret_cast<uv_handle_t*>(&one), nullptr);
}

void allow_descriptors(std::uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted) {
    throw std::runtime_error("this process may open " + std::to_string(limit.rlim_max) +
                             " descriptors and needs " + std::to_string(wanted) +
                             "; raise the hard limit (ulimit -Hn) or ask for fewer connections");
  }
}

}  // namespace sallyport::bench
