#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "sallyport/address.h"

namespace sallyport::proxy {

/// Counts open connections. Thread: any.
class TotalCount final {
 public:
  /// One connection's place. Gives it back when destroyed; the count outlives it.
  class Slot final {
   public:
    Slot(Slot&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (owner_ != nullptr) owner_->open_.fetch_sub(1, std::memory_order_relaxed);
    }

   private:
    friend class TotalCount;
    explicit Slot(TotalCount& owner) : owner_(&owner) {}
    TotalCount* owner_;
  };

  TotalCount() = default;
  TotalCount(const TotalCount&) = delete;
  TotalCount& operator=(const TotalCount&) = delete;

  /// A place; none where `most` are open. 0: no bound.
  [[nodiscard]] std::optional<Slot> enter(std::uint32_t most);
  [[nodiscard]] std::uint32_t open() const { return open_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint32_t> open_{0};
};

/// Counts open connections by address prefix. Its tables hold one entry for each prefix that has a
/// connection open, so they are bounded by whatever bounds the connections.
///
/// Thread: any. A lock is held for one look into a table, when a connection begins and ends.
class AddressCount final {
 private:
  struct Hash {
    std::size_t operator()(const AddressPrefix& key) const;
  };
  using Counts = std::unordered_map<AddressPrefix, std::uint32_t, Hash>;
  /// Stays where it is while it has a connection open.
  using Entry = Counts::value_type;

 public:
  /// As TotalCount::Slot.
  class Slot final {
   public:
    Slot(Slot&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), entry_(other.entry_) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (owner_ != nullptr) owner_->leave(*entry_);
    }

   private:
    friend class AddressCount;
    Slot(AddressCount& owner, Entry& entry) : owner_(&owner), entry_(&entry) {}
    AddressCount* owner_;
    Entry* entry_;
  };

  AddressCount() = default;
  AddressCount(const AddressCount&) = delete;
  AddressCount& operator=(const AddressCount&) = delete;

  /// A place; none where `most` of the prefix are open. 0: no bound.
  [[nodiscard]] std::optional<Slot> enter(const AddressPrefix& prefix, std::uint32_t most);
  /// Prefixes that have a connection open.
  [[nodiscard]] std::size_t prefixes();

 private:
  struct Shard {
    std::mutex mutex;
    Counts counts;
  };

  void leave(Entry& entry);
  [[nodiscard]] Shard& shard(const AddressPrefix& key) {
    return shards_[Hash()(key) % shards_.size()];
  }

  std::array<Shard, 16> shards_;
};

}  // namespace sallyport::proxy
