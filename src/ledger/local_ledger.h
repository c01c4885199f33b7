#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sallyport/ledger.h"
#include "sallyport/settings.h"
#include "sallyport/siphash.h"

#include "ledger/bounded_table.h"

namespace sallyport::ledger {

using Settings = settings::Ledger;

/// The ledger of one process, in its memory.
class LocalLedger final : public Ledger {
 public:
  /// `key` is random, and lives as long as the process: who knows it could choose accounts that
  /// fall into one set, and push others out of it.
  LocalLedger(const Settings& settings, const HashKey& key);

  [[nodiscard]] Lease lease(const Account& account, const RateLimit& limit, Instant now) override;
  [[nodiscard]] bool admit(const Account& account, const RateLimit& limit, Instant now) override;
  [[nodiscard]] Stats stats() const override;

 private:
  /// `terms` is the limit's by which was counted last. Written under the table's lock, as `hash`;
  /// the times of the meter and `pins` may change at any time.
  struct Entry final : RateMeter {
    std::uint64_t hash = 0;
    std::atomic<std::uint32_t> pins{0};
    std::uint32_t terms = 0;

    [[nodiscard]] bool is_pinned() const { return pins.load(std::memory_order_acquire) != 0; }
    void begin() {
      set({});
      terms = 0;
    }
    void agree(const RateLimit& limit, Instant now) {
      if (terms != limit.terms) limit_debt(limit, now);
      terms = limit.terms;
    }
  };
  static_assert(sizeof(Entry) == 32);

  void give_back(RateMeter& meter) override;
  [[nodiscard]] std::uint64_t hash(const Account& account) const;

  const HashKey key_;
  BoundedTable<Entry> meters_;
  BoundedTable<Entry> connects_;
};

}  // namespace sallyport::ledger
