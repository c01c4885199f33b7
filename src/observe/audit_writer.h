#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "observe/audit_budget.h"
#include "observe/audit_envelope.h"
#include "observe/audit_format.h"
#include "observe/audit_queue.h"
#include "observe/audit_sink.h"
#include "observe/log.h"

namespace sallyport::observe {

/// Wakes the writer thread. A wake while one is already under way costs one atomic exchange, so
/// under load the workers make no system calls for it.
class AuditWaker final {
 public:
  AuditWaker();
  ~AuditWaker();
  AuditWaker(const AuditWaker&) = delete;
  AuditWaker& operator=(const AuditWaker&) = delete;

  [[nodiscard]] bool ok() const { return fd_ >= 0; }
  /// Any thread.
  void wake();
  /// The writer: waits for a wake, at most `timeout_ms` (-1: for ever).
  void wait(int timeout_ms);

 private:
  int fd_ = -1;
  std::atomic<bool> awake_{false};
};

/// The thread that turns audit records into lines and writes them.
///
/// When the disk is full, the file fails or the reader of a pipe stops reading, the lines that are
/// under way are kept and tried again every second; the queues fill up, what finds them full is
/// lost and counted, and as soon as lines can be written again one of them says how many are
/// missing. A line is whole or not there, on a full disk, too. Only of what a pipe has taken
/// nothing can be taken back: a line of more than PIPE_BUF bytes whose reader stops in the middle
/// of it stays a half where the process ends then.
///
/// Thread: the constructor, start() and stop() belong to one thread; reopen() and the counts to
/// all.
class AuditWriter final {
 public:
  struct Options {
    std::string target = {};  // what the sink was opened with
    settings::AuditFormat format = settings::AuditFormat::native;
    std::string instance = {};
    std::size_t queues = 1;
    std::size_t queue_capacity = settings::Audit().audit_queue;  // records of each
    std::uint32_t bytes_per_second = settings::Audit().audit_bytes_per_second;
    std::uint32_t bytes_burst = settings::Audit().audit_bytes_burst;
  };
  /// `log` outlives the writer.
  AuditWriter(AuditSink sink, const Options& options, const Log& log);
  /// Calls stop().
  ~AuditWriter();
  AuditWriter(const AuditWriter&) = delete;
  AuditWriter& operator=(const AuditWriter&) = delete;

  /// Once, before anything else. False: the system has no thread or descriptor left.
  [[nodiscard]] bool start();

  [[nodiscard]] AuditQueue& queue(std::size_t index) { return *queues_[index]; }
  [[nodiscard]] AuditWaker& waker() { return waker_; }

  /// Opens the target again; the writer changes over before the next line. An error changes
  /// nothing.
  [[nodiscard]] std::expected<void, AuditSink::Failure> reopen();
  /// What is written behind all that is queued, when stop() is called. Before that.
  void set_last(std::unique_ptr<AuditRecord> last) { last_ = std::move(last); }
  /// Writes what is queued, for at most two seconds, and ends the thread.
  void stop();

  [[nodiscard]] std::uint64_t written() const { return written_.value(); }
  [[nodiscard]] std::uint64_t waiting() const;
  [[nodiscard]] AuditLoss lost() const;
  /// Lines that are only counted, in a sum: one of many; beyond the bound over all.
  [[nodiscard]] std::uint64_t repeated() const;
  [[nodiscard]] std::uint64_t over_rate() const;

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  [[nodiscard]] bool gather();
  void gather_loss();
  [[nodiscard]] AuditSink::Status flush(int timeout_ms);
  void take_new_sink();
  void report(int error);
  void report_loss(std::uint64_t lines);
  void give_up();
  void append(const AuditRecord& record);

  AuditSink sink_;  // the thread's
  const std::string target_;
  const LineFormat format_;
  const AuditEnvelope envelope_;
  const Log& log_;
  AuditBudget budget_;
  std::vector<std::unique_ptr<AuditQueue>> queues_;
  AuditWaker waker_;

  // The thread's own.
  std::string batch_;  // whole frames, from offset_ on not yet written
  std::size_t offset_ = 0;
  std::size_t begun_ = 0;  // where the frame begins that offset_ is in
  bool mid_line_ = false;  // what was written last is not the end of a frame
  std::size_t next_queue_ = 0;
  AuditLoss told_;  // what "lost" lines have said so far
  Clock::time_point tell_at_{};
  Clock::time_point loss_said_{};  // on the operator's log
  bool failing_ = false;

  Counter written_;
  Counter write_lost_;
  std::unique_ptr<AuditRecord> last_;  // the thread's from `stopping_` on
  std::atomic<bool> stopping_{false};
  std::atomic<bool> has_new_sink_{false};
  std::mutex new_sink_mutex_;  // between reopen() and the thread; no worker takes it
  std::optional<AuditSink> new_sink_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace sallyport::observe
