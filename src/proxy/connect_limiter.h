#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "sallyport/connect_gate.h"
#include "sallyport/siphash.h"

namespace sallyport::proxy {

/// Counts how often clients connect, by name. One for each listener, shared by all workers.
///
/// It remembers a fixed number of names, as keyed hashes. Where more are active at once it forgets
/// those that have rested longest, which then begin anew: a flood of names costs no memory, and
/// does not lock anybody out.
///
/// Thread: any. A lock is held for one look into a table, at CONNECT.
class ConnectLimiter final : public ConnectGate {
 public:
  ConnectLimiter(const ConnectRate& rate, const HashKey& key);
  ConnectLimiter(const ConnectLimiter&) = delete;
  ConnectLimiter& operator=(const ConnectLimiter&) = delete;

  /// One more CONNECT. False: it would be more than the rate allows, and is not counted.
  [[nodiscard]] bool admit(std::string_view name, Instant now) override;
  /// Bytes; does not change.
  [[nodiscard]] std::size_t memory() const;

 private:
  struct Entry {
    std::uint64_t hash = 0;
    Instant paid = Instant::min();  // when all that was used is paid back
  };
  static constexpr std::size_t kSets = 4096;  // a power of two
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kLocks = 64;

  const HashKey key_;
  const Duration interval_;
  const Duration credit_;  // how far ahead `paid` may be for one more to fit
  std::vector<Entry> entries_;
  std::array<std::mutex, kLocks> locks_;
};

}  // namespace sallyport::proxy
