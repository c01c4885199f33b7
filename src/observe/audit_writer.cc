#include "observe/audit_writer.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "observe/quiet_thread.h"
#include "observe/worker_events.h"

namespace sallyport::observe {

namespace {

constexpr std::size_t kBatchBytes = 256 * 1024;
constexpr int kRetryMs = 1000;
/// How long the reader of a pipe is waited for at a time; stop() is noticed in between.
constexpr int kRoomMs = 100;
/// Lines that come close behind one another are written together.
constexpr int kGatherMs = 5;
constexpr auto kTellEvery = std::chrono::seconds(1);
constexpr auto kStopWithin = std::chrono::seconds(2);

/// The operator is told of lines that are lost once, and again after so long.
constexpr auto kSayLossEvery = std::chrono::minutes(1);

void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(kGatherMs)); }

}  // namespace

AuditWaker::AuditWaker() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
AuditWaker::~AuditWaker() {
  if (fd_ >= 0) ::close(fd_);
}

void AuditWaker::wake() {
  if (awake_.exchange(true)) return;
  const std::uint64_t one = 1;
  // It can only fail when 2^64 - 1 wakes are pending; then the writer is awake anyway.
  static_cast<void>(::write(fd_, &one, sizeof one) == sizeof one);
}

void AuditWaker::wait(int timeout_ms) {
  pollfd wanted{.fd = fd_, .events = POLLIN, .revents = 0};
  if (poll(&wanted, 1, timeout_ms) > 0) {
    std::uint64_t count = 0;
    static_cast<void>(::read(fd_, &count, sizeof count) == sizeof count);
    // Before the queues are looked at: whoever pushes after this wakes again. An exchange, because
    // it must see what those pushed who found it true.
    static_cast<void>(awake_.exchange(false));
  }
}

AuditWriter::AuditWriter(AuditSink sink, const Options& options, const Log& log)
    : sink_(std::move(sink)),
      target_(options.target),
      format_(options.format, options.instance),
      envelope_(sink_.envelope(), options.instance),
      log_(log),
      budget_(options.bytes_per_second, options.bytes_burst) {
  queues_.reserve(options.queues);
  // A line finds room for itself before it begins, so that it is whole or not there.
  batch_.reserve(kBatchBytes + 2 * (AuditRecord::kMaxLine + AuditEnvelope::kMost));
  for (std::size_t i = 0; i < options.queues; ++i) {
    queues_.push_back(
        std::make_unique<AuditQueue>(std::max<std::size_t>(options.queue_capacity, 1), &budget_));
  }
}

bool AuditWriter::start() {
  if (!waker_.ok()) return false;
  auto thread = quiet_thread([this] { run(); });
  if (!thread) return false;
  thread_ = std::move(*thread);
  return true;
}

AuditWriter::~AuditWriter() { stop(); }

std::expected<void, AuditSink::Failure> AuditWriter::reopen() {
  if (target_ == "stdout") return {};
  auto opened = AuditSink::open(target_);
  if (!opened) return std::unexpected(std::move(opened.error()));
  {
    const std::lock_guard lock(new_sink_mutex_);
    new_sink_ = std::move(*opened);
    has_new_sink_.store(true, std::memory_order_release);
  }
  waker_.wake();
  return {};
}

void AuditWriter::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  waker_.wake();
  thread_.join();
}

std::uint64_t AuditWriter::waiting() const {
  std::uint64_t sum = 0;
  for (const auto& queue : queues_) sum += queue->waiting();
  return sum;
}

AuditLoss AuditWriter::lost() const {
  AuditLoss loss;
  for (const auto& queue : queues_) loss.queue_full += queue->full();
  loss.write = write_lost_.value();
  return loss;
}

std::uint64_t AuditWriter::repeated() const {
  std::uint64_t sum = 0;
  for (const auto& queue : queues_) sum += queue->repeated();
  return sum;
}

std::uint64_t AuditWriter::over_rate() const {
  std::uint64_t sum = 0;
  for (const auto& queue : queues_) sum += queue->over_rate();
  return sum;
}

void AuditWriter::run() {
  std::optional<Clock::time_point> deadline;
  while (true) {
    const bool stopping = stopping_.load();
    if (stopping && !deadline) deadline = Clock::now() + kStopWithin;
    take_new_sink();

    // Losses are told at once when they begin, then at most once a second.
    if (stopping || Clock::now() >= tell_at_) gather_loss();
    const bool more = gather();
    if (stopping && !more && last_) append(*std::exchange(last_, nullptr));
    const AuditSink::Status status = flush(stopping ? kGatherMs : kRoomMs);

    if (stopping) {
      if (status == AuditSink::Status::wrote && !more) return;
      if (Clock::now() >= *deadline) return give_up();
    }
    if (status == AuditSink::Status::full || stopping) {
      if (!more || status != AuditSink::Status::wrote) pause();
    } else if (status == AuditSink::Status::failed) {
      waker_.wait(kRetryMs);
      pause();
    } else if (!more) {
      const bool untold = lost().lines() != told_.lines();
      waker_.wait(untold ? kRetryMs : -1);
      if (!stopping_.load()) pause();
    }
  }
}

/// Fills the batch from the queues, one record of each in turn. True: some are left.
bool AuditWriter::gather() {
  // A reader that is slow but never stops leaves no moment at which all is written.
  batch_.erase(0, begun_);
  offset_ -= std::exchange(begun_, 0);
  std::size_t empty = 0;
  while (empty < queues_.size()) {
    if (batch_.size() >= kBatchBytes) return true;
    const auto record = queues_[next_queue_]->take();
    next_queue_ = (next_queue_ + 1) % queues_.size();
    if (record) {
      append(*record);
      empty = 0;
    } else {
      ++empty;
    }
  }
  return false;
}

/// A worker charges the budget with about what a line has; the rest is settled here.
void AuditWriter::append(const AuditRecord& record) {
  const std::size_t before = batch_.size();
  envelope_.begin(record, batch_);
  format_.write(record, batch_);
  envelope_.end(record, batch_);
  budget_.charge(static_cast<std::int64_t>(batch_.size() - before) - record.charged(),
                 steady_nanos());
}

void AuditWriter::gather_loss() {
  if (batch_.size() - offset_ >= kBatchBytes) return;  // told later, and all at once
  const AuditLoss all = lost();
  const AuditLoss fresh{.queue_full = all.queue_full - told_.queue_full,
                        .write = all.write - told_.write};
  if (fresh.lines() == 0) return;
  append(fresh.record(wall_clock()));
  report_loss(fresh.lines());
  told_ = all;
  tell_at_ = Clock::now() + kTellEvery;
}

/// Writes the batch. Status::wrote: nothing is left of it.
AuditSink::Status AuditWriter::flush(int timeout_ms) {
  while (offset_ < batch_.size()) {
    const auto result =
        sink_.write(std::string_view(batch_).substr(offset_), envelope_, timeout_ms);
    if (result.status == AuditSink::Status::failed) report(result.error);
    if (result.status != AuditSink::Status::wrote) return result.status;
    if (std::exchange(failing_, false)) log_.info("audit log " + target_ + " is written again");
    // Counted where its end is written: what ends here, less what ended before.
    const std::string_view done = std::string_view(batch_).substr(0, offset_ + result.bytes);
    const std::size_t whole = envelope_.whole(done);
    if (whole > begun_) {
      written_.add(envelope_.count(done.substr(begun_, whole - begun_)));
      begun_ = whole;
    }
    offset_ += result.bytes;
    mid_line_ = offset_ != begun_;
  }
  batch_.clear();
  offset_ = 0;
  begun_ = 0;
  return AuditSink::Status::wrote;
}

void AuditWriter::take_new_sink() {
  if (!has_new_sink_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(new_sink_mutex_);
  has_new_sink_.store(false, std::memory_order_relaxed);
  if (!new_sink_) return;
  if (std::exchange(mid_line_, false)) {
    // The beginning of this line is in the old file; its end would be nonsense in the new one.
    begun_ += envelope_.first(std::string_view(batch_).substr(begun_));
    offset_ = begun_;
    write_lost_.add();
  }
  sink_ = std::move(*new_sink_);
  new_sink_.reset();
}

/// Once per failure, not once per try.
void AuditWriter::report(int error) {
  if (std::exchange(failing_, true)) return;
  log_.error("cannot write audit log " + target_ + ": " + std::strerror(error) +
             "; lines wait, then are lost and counted, until it works again");
}

/// Once in a while, not once per line.
void AuditWriter::report_loss(std::uint64_t lines) {
  const auto now = Clock::now();
  if (loss_said_ != Clock::time_point{} && now < loss_said_ + kSayLossEvery) return;
  loss_said_ = now;
  log_.warn("audit log " + target_ +
            " is written more slowly than lines come: " + std::to_string(lines) +
            " are lost, and counted in a line of event lost and in "
            "sallyport_audit_lines_lost_total");
}

void AuditWriter::give_up() {
  std::uint64_t left = envelope_.count(std::string_view(batch_).substr(begun_));
  if (last_) ++left;
  for (const auto& queue : queues_) {
    while (const auto record = queue->take()) left += record->lines();
  }
  write_lost_.add(left);
  log_.error("audit log " + target_ + ": " + std::to_string(left) +
             " lines could not be written before the end");
}

}  // namespace sallyport::observe
