#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include <netinet/in.h>

#include "sallyport/checks.h"

#include "net/socket.h"

namespace sallyport::proxy {

/// Counts the open connections of one listener over all workers, in total and by client address.
/// Its tables hold one entry for each address that has a connection open, so they are bounded by
/// the listener's max_connections.
///
/// Thread: any. A lock is held for one look into a table, when a connection begins and ends.
class ConnectionCount final {
 public:
  /// One connection's place. Gives it back when destroyed; the ConnectionCount outlives it.
  class Slot final {
   public:
    Slot(Slot&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), key_(other.key_) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (owner_ != nullptr) owner_->leave(key_);
    }

   private:
    friend class ConnectionCount;
    Slot(ConnectionCount& owner, const in6_addr& key) : owner_(&owner), key_(key) {}
    ConnectionCount* owner_;
    in6_addr key_;
  };

  ConnectionCount() = default;
  ConnectionCount(const ConnectionCount&) = delete;
  ConnectionCount& operator=(const ConnectionCount&) = delete;

  /// A place, or the reason why there is none: max_connections or max_connections_per_address.
  /// `per_address` 0: no limit. An IPv6 address counts by its first 64 bits, which is the least
  /// that one customer has.
  [[nodiscard]] std::expected<Slot, Check> enter(const net::Address& peer, std::uint32_t total,
                                                 std::uint32_t per_address);
  [[nodiscard]] std::uint32_t open() const { return open_.load(std::memory_order_relaxed); }

 private:
  struct Hash {
    std::size_t operator()(const in6_addr& key) const;
  };
  struct Equal {
    bool operator()(const in6_addr& a, const in6_addr& b) const;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<in6_addr, std::uint32_t, Hash, Equal> counts;
  };

  void leave(const in6_addr& key);
  [[nodiscard]] Shard& shard(const in6_addr& key) { return shards_[Hash()(key) % shards_.size()]; }

  std::atomic<std::uint32_t> open_{0};
  std::array<Shard, 16> shards_;
};

}  // namespace sallyport::proxy
