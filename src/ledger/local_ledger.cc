#include "ledger/local_ledger.h"

#include <string>

namespace sallyport::ledger {

LocalLedger::LocalLedger(const Settings& settings, const HashKey& key)
    : key_(key), meters_(settings.meters), connects_(settings.connects) {}

/// No name of a limit contains U+0000, so no two accounts are the same text.
std::uint64_t LocalLedger::hash(const Account& account) const {
  std::string text;
  text.reserve(2 + account.limit.size() + account.holder.size());
  text += static_cast<char>(account.scope);
  text += account.limit;
  text += '\0';
  text += account.holder;
  return siphash(key_, text);
}

Ledger::Lease LocalLedger::lease(const Account& account, const RateLimit& limit, Instant now) {
  Lease lease(nullptr, {this});
  const bool found = meters_.with(hash(account), now, [&](Entry& entry) {
    entry.agree(limit, now);
    entry.pins.fetch_add(1, std::memory_order_relaxed);
    lease.reset(&entry);
  });
  return found ? std::move(lease) : own_meter();
}

bool LocalLedger::admit(const Account& account, const RateLimit& limit, Instant now) {
  bool fits = true;
  connects_.with(hash(account), now, [&](Entry& entry) {
    entry.agree(limit, now);
    RateMeter::Times after;
    fits = entry.fits(limit, 0, now, after);
    if (fits) entry.set(after);
  });
  return fits;
}

void LocalLedger::give_back(RateMeter& meter) {
  static_cast<Entry&>(meter).pins.fetch_sub(1, std::memory_order_release);
}

Ledger::Stats LocalLedger::stats() const { return {meters_.stats(), connects_.stats()}; }

}  // namespace sallyport::ledger
