#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <unordered_map>
#include <utility>

#include "observe/audit_record.h"

namespace sallyport::observe {

/// The lines that a RepeatFilter left out since the last flush, as one sum for each key: nothing
/// that is not written as a line of its own goes without one that counts it.
///
/// One worker's own. Memory: at most `most` records.
class RepeatSums final {
 public:
  explicit RepeatSums(std::size_t most) : most_(most) {}

  /// The sum of a key; null: it has none yet.
  [[nodiscard]] AuditRecord* find(std::uint64_t key) const {
    const auto found = sums_.find(key);
    return found == sums_.end() ? nullptr : found->second.get();
  }
  [[nodiscard]] bool is_full() const { return sums_.size() >= most_; }
  [[nodiscard]] bool empty() const { return sums_.empty(); }
  /// Only after find() said null, and not while is_full().
  AuditRecord& add(std::uint64_t key, std::unique_ptr<AuditRecord> first) {
    return *(sums_[key] = std::move(first));
  }
  /// Shows every sum to `take`, and forgets those that it takes.
  template <typename Take>  // bool take(std::unique_ptr<AuditRecord>&)
  void flush(Take take) {
    for (auto entry = sums_.begin(); entry != sums_.end();) {
      entry = take(entry->second) ? sums_.erase(entry) : std::next(entry);
    }
  }

 private:
  const std::size_t most_;
  std::unordered_map<std::uint64_t, std::unique_ptr<AuditRecord>> sums_;
};

}  // namespace sallyport::observe
