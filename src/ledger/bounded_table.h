#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "sallyport/ledger.h"

namespace sallyport::ledger {

/// A table of a fixed number of entries, found by the hash of a key that no client can foresee.
/// Where a new one finds its set full, the entry that owes least makes room for it. Entries stay
/// where they are; memory is taken a shard at a time, when the first of its entries is needed.
///
/// Thread: any. A lock is held while one set is looked at.
///
/// `Entry` is made without arguments and has
///   std::uint64_t hash            0: not in use. Read and written by the table, under its lock.
///   bool is_pinned() const        It may not be forgotten now.
///   Duration debt(Instant) const  What is lost where it is forgotten; zero: nothing.
///   void begin()                  Forgets everything, for another account.
template <typename Entry>
class BoundedTable final {
 public:
  /// Room for `entries`, rounded up to whole sets.
  explicit BoundedTable(std::size_t entries)
      : sets_(std::max<std::size_t>((entries + kShards * kWays - 1) / (kShards * kWays), 1)) {}
  BoundedTable(const BoundedTable&) = delete;
  BoundedTable& operator=(const BoundedTable&) = delete;

  /// Calls use(entry) with the entry of `hash`, under its lock; begun anew where there was none.
  /// Returns false, and calls nothing, if all entries that could make room are pinned.
  template <typename Use>
  bool with(std::uint64_t hash, Instant now, Use use) {
    if (hash == 0) hash = 1;
    Shard& shard = shards_[hash % kShards];
    const std::lock_guard lock(shard.mutex);
    if (shard.entries == nullptr) shard.entries = std::make_unique<Entry[]>(sets_ * kWays);
    const std::span<Entry> set(&shard.entries[hash / kShards % sets_ * kWays], kWays);
    const auto found = std::find_if(set.begin(), set.end(),
                                    [hash](const Entry& entry) { return entry.hash == hash; });
    Entry* entry = found != set.end() ? &*found : replace(shard, set, hash, now);
    if (entry == nullptr) return false;
    use(*entry);
    return true;
  }

  [[nodiscard]] Ledger::TableStats stats() const {
    Ledger::TableStats total;
    total.entries = kShards * kWays * sets_;
    total.memory = sizeof(*this);
    for (const Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      if (shard.entries != nullptr) total.memory += sets_ * kWays * sizeof(Entry);
      total.evictions += shard.evictions;
      total.overflows += shard.overflows;
    }
    return total;
  }

 private:
  // With 16 in a set, and three of five entries pinned, four accounts in a thousand find their set
  // full of pinned ones (Poisson).
  static constexpr std::size_t kWays = 16;
  static constexpr std::size_t kShards = 64;

  struct Shard {
    mutable std::mutex mutex;
    std::unique_ptr<Entry[]> entries;
    std::uint64_t evictions = 0;
    std::uint64_t overflows = 0;
  };

  /// Null: all of them are pinned.
  static Entry* replace(Shard& shard, std::span<Entry> set, std::uint64_t hash, Instant now) {
    Entry* least = nullptr;
    Duration owes = Duration::max();
    for (Entry& entry : set) {
      if (entry.is_pinned()) continue;
      const Duration debt = entry.hash == 0 ? Duration(-1) : entry.debt(now);
      if (least != nullptr && debt >= owes) continue;
      least = &entry;
      owes = debt;
    }
    if (least == nullptr) {
      ++shard.overflows;
      return nullptr;
    }
    if (owes > Duration::zero()) ++shard.evictions;
    least->begin();
    least->hash = hash;
    return least;
  }

  std::array<Shard, kShards> shards_;
  const std::size_t sets_;  // of each shard
};

}  // namespace sallyport::ledger
