#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "sallyport/rate.h"
#include "sallyport/time.h"

namespace sallyport {

/// Whom a count is about. What a connection alone owes ends with it, so no ledger keeps that.
enum class Scope : std::uint8_t { identity, client, role, address, listener, gateway };

/// Names what is counted. Nothing of it is a number of one policy, so it means the same after a
/// reconnect, after a reload and on another host. Views are needed during a call only.
struct Account {
  Scope scope = Scope::client;
  std::string_view limit;   // the name of the limit
  std::string_view holder;  // who it counts for, in the words of the scope
};

/// What outlives sessions and reloads: how much of a limit each account has used.
///
/// Its memory is bounded. Where more accounts are active than there is room for, those are
/// forgotten that owe least; who owes nothing loses nothing by it.
///
/// Error: exact for sessions of one worker. Two workers that charge one account in the same few
/// nanoseconds through leases may count one of the two messages; admit() is exact over all of them.
///
/// Thread: any. Owner: the composition root; it outlives every session and every lease. An
/// implementation that shares its counts between hosts leases a local meter and levels it in the
/// background, for whoever holds a lease charges it without a call.
class Ledger {
 public:
  virtual ~Ledger() = default;

  /// Gives a lease back, or deletes a meter that nobody shares.
  struct GiveBack {
    Ledger* owner = nullptr;  // null: the meter is the holder's own
    void operator()(RateMeter* meter) const {
      if (owner == nullptr) {
        delete meter;
      } else {
        owner->give_back(*meter);
      }
    }
  };
  /// A meter that stays where it is, and is not forgotten, until this is destroyed.
  using Lease = std::unique_ptr<RateMeter, GiveBack>;

  /// The meter of an account under this limit. Where the numbers of the limit are others than when
  /// it was last asked for, what is owed is kept as time, up to the new burst. Never null: where
  /// there is no room, because all that could be forgotten is leased, the meter is the caller's
  /// own, so that the limit still counts for that session by itself.
  [[nodiscard]] virtual Lease lease(const Account& account, const RateLimit& limit,
                                    Instant now) = 0;
  /// Takes one message out of the account's budget. Returns false if it does not fit, and then
  /// nothing was taken. Where there is no room for the account, it fits.
  [[nodiscard]] virtual bool admit(const Account& account, const RateLimit& limit, Instant now) = 0;

  /// How one table does.
  struct TableStats {
    std::size_t entries = 0;      // that there is room for
    std::size_t memory = 0;       // bytes taken so far
    std::uint64_t evictions = 0;  // accounts that were forgotten although they owed something
    std::uint64_t overflows = 0;  // accounts that found no room
  };
  struct Stats {
    TableStats meters;    // of lease()
    TableStats connects;  // of admit()
  };
  [[nodiscard]] virtual Stats stats() const = 0;

 private:
  virtual void give_back(RateMeter& meter) = 0;
};

/// A meter that belongs to whoever holds the lease alone.
[[nodiscard]] inline Ledger::Lease own_meter() { return Ledger::Lease(new RateMeter, {nullptr}); }

}  // namespace sallyport
