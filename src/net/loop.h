#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>

#include <uv.h>

#include "sallyport/time.h"

#include "net/tasks.h"

namespace sallyport::net {

/// The system's word for a libuv error code ("connection refused"). Static storage.
[[nodiscard]] std::string_view describe(int error);

/// What a round of the loop may cost. A round is the tasks that wait, and one poll of the sockets
/// with all that follows from it.
struct RoundBudget {
  std::uint32_t read_bytes = UINT32_MAX;  // that one stream brings
  std::uint32_t late_tasks = UINT32_MAX;  // that run
};

/// One libuv loop, the read buffer that all streams on it share, and the work that waits for its
/// turn. A round goes: tasks, late tasks, timers, poll (streams are read). The loop does not sleep
/// in the poll while a task waits.
///
/// Thread: made anywhere, then used by the one thread that calls run(); only net::Wakeup crosses
/// threads. Handles on the loop are closed by their owners before the loop is destroyed.
class Loop final {
 public:
  /// Most bytes that one read event brings. What a turn costs is paid once for all of them; but as
  /// many are kept where a session has to wait (bench/README.md, "Steps").
  static constexpr std::size_t kReadSize = 128 * 1024;

  /// Fails with a libuv error code where the process has no file descriptors left.
  [[nodiscard]] static std::expected<std::unique_ptr<Loop>, int> make();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs until no handle is left open and no task waits, or stop().
  void run();
  void stop();

  void set_budget(const RoundBudget& budget) { budget_ = budget; }
  [[nodiscard]] const RoundBudget& budget() const { return budget_; }
  /// Counts the rounds; wraps around.
  [[nodiscard]] std::uint32_t round() const { return round_; }
  /// The task runs once, in the next round, behind those that wait longer.
  void enqueue(Task& task);
  /// The task runs once, behind all tasks of a round that has some of its `late_tasks` left.
  void enqueue_late(Task& task);

  [[nodiscard]] uv_loop_t* native() { return &loop_; }
  [[nodiscard]] static Loop& of(const uv_handle_t* handle);
  /// Where streams read to. Its contents are valid during one Stream::Handler::on_read only.
  [[nodiscard]] std::span<std::uint8_t> read_buffer() const {
    return {read_buffer_.get(), kReadSize};
  }

  /// The time now, in nanoseconds of the system's monotonic clock.
  [[nodiscard]] static Instant now();

 private:
  Loop();
  void begin_round();
  void stay_awake();

  uv_loop_t loop_;
  uv_check_t check_{};  // behind each poll: begins a round
  uv_idle_t idle_{};    // active while a task waits, so that the poll does not sleep
  TaskQueue tasks_;
  TaskQueue late_;
  RoundBudget budget_;
  std::uint32_t round_ = 0;
  bool awake_ = false;  // idle_ is active
  std::unique_ptr<std::uint8_t[]> read_buffer_;
};

/// Wakes a loop from another thread.
class Wakeup final {
 public:
  class Handler {
   public:
    /// Once or more for one or more notify(), on the loop's thread.
    virtual void on_wakeup() = 0;

   protected:
    ~Handler() = default;
  };

  /// `handler` outlives the handle.
  explicit Wakeup(Handler& handler) : handler_(handler) {}
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  /// 0, or a libuv error code.
  [[nodiscard]] int open(Loop& loop);
  /// Any thread, between open() and close().
  void notify();
  /// Loop's thread. The object stays until the loop has run again.
  void close();

 private:
  Handler& handler_;
  uv_async_t async_{};
};

}  // namespace sallyport::net
