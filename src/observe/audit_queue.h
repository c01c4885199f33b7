#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "observe/audit_budget.h"
#include "observe/audit_record.h"
#include "observe/counters.h"

namespace sallyport::observe {

/// Audit records on their way from one worker to the writer thread: a ring with one producer and
/// one consumer, neither of which ever waits. Memory: a pointer per place, and the records that
/// are under way.
class AuditQueue final {
 public:
  /// `budget` outlives the queue; null: there is no bound over all.
  explicit AuditQueue(std::size_t capacity, AuditBudget* budget = nullptr)
      : capacity_(capacity),
        budget_(budget),
        places_(std::make_unique<std::unique_ptr<AuditRecord>[]>(capacity)) {}
  AuditQueue(const AuditQueue&) = delete;
  AuditQueue& operator=(const AuditQueue&) = delete;

  // The worker's side.

  /// Is there room for a record? Asked before the record is made.
  [[nodiscard]] bool has_room() const {
    return pushed_.load(std::memory_order_relaxed) - taken_.load(std::memory_order_acquire) <
           capacity_;
  }
  /// Only after has_room().
  void push(std::unique_ptr<AuditRecord> record) {
    const std::uint64_t at = pushed_.load(std::memory_order_relaxed);
    places_[at % capacity_] = std::move(record);
    pushed_.store(at + 1, std::memory_order_release);
  }
  /// `lines` found the queue full and are lost.
  void count_full(std::uint64_t lines = 1) { full_.add(lines); }
  /// A line was left out, and a sum counts it: it is one of many, or all workers together write as
  /// much as they may.
  void count_repeated() { repeated_.add(); }
  void count_over_rate() { over_rate_.add(); }
  [[nodiscard]] AuditBudget* budget() const { return budget_; }

  // The writer's side.

  /// Null: empty.
  [[nodiscard]] std::unique_ptr<AuditRecord> take() {
    const std::uint64_t at = taken_.load(std::memory_order_relaxed);
    if (at == pushed_.load(std::memory_order_acquire)) return nullptr;
    auto record = std::move(places_[at % capacity_]);
    taken_.store(at + 1, std::memory_order_release);
    return record;
  }

  // Any thread.

  [[nodiscard]] std::uint64_t full() const { return full_.value(); }
  [[nodiscard]] std::uint64_t repeated() const { return repeated_.value(); }
  [[nodiscard]] std::uint64_t over_rate() const { return over_rate_.value(); }
  [[nodiscard]] std::uint64_t waiting() const {
    const std::uint64_t taken = taken_.load(std::memory_order_acquire);
    const std::uint64_t pushed = pushed_.load(std::memory_order_acquire);
    return pushed - taken;
  }

 private:
  const std::size_t capacity_;
  AuditBudget* const budget_;
  const std::unique_ptr<std::unique_ptr<AuditRecord>[]> places_;
  alignas(64) std::atomic<std::uint64_t> pushed_{0};  // written by the worker
  Counter full_;
  Counter repeated_;
  Counter over_rate_;
  alignas(64) std::atomic<std::uint64_t> taken_{0};  // written by the writer
};

}  // namespace sallyport::observe
