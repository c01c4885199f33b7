#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sallyport/identity.h"
#include "sallyport/ledger.h"
#include "sallyport/policy.h"

namespace sallyport {

/// Who pays, and who keeps the accounts.
struct Payer {
  Ledger* ledger;  // null: this session counts for itself
  const Identity& identity;

  /// The client in the words of the ledger: the certificate, or else the address (see
  /// counted_address()), that the client came with, and its client identifier. A client that calls
  /// itself the same as another one uses up nothing of the other's.
  [[nodiscard]] std::string client() const;
};

/// The meters of the limits that count for one client, leased from the ledger when a limit counts
/// for the first time, so that a packet finds them without a look-up. Asking charges nothing, so a
/// packet that has to wait can be asked about again; take() is both at once, for nearly every
/// packet fits.
class Budget final {
 public:
  struct Exceeded {
    const RateLimit* limit = nullptr;  // null: everything fits
    Action action = Action::report;    // the harshest: disconnect, drop, throttle, report
    Duration wait{};                   // throttle: until all of them fit
  };

  /// Takes one message of `bytes` bytes out of all of these limits, which are in ascending order,
  /// and of `also` where that is not kNoLimit. Returns false if it does not fit or is the first of
  /// its kind; then nothing was taken, and ask() has to be asked.
  [[nodiscard]] bool take(std::span<const std::uint32_t> limits, std::uint32_t also,
                          std::uint64_t bytes, Instant now) {
    if (limits.empty() && also == policy::kNoLimit) return true;
    return take_from(limits, also, bytes, now);
  }
  /// One message of `bytes` bytes against all of these limits.
  [[nodiscard]] Exceeded ask(const Payer& payer, const policy::Policy& policy,
                             std::span<const std::uint32_t> limits, std::uint64_t bytes,
                             Instant now);
  /// Charges those that the message fits in (one that is only reported is not charged further).
  void charge(const Payer& payer, const policy::Policy& policy,
              std::span<const std::uint32_t> limits, std::uint64_t bytes, Instant now);

  /// The policy or the client's name has changed: limits have other indexes, or are another
  /// account's. What the ledger keeps is found again.
  void give_back() { meters_.clear(); }
  /// Bytes; what is leased is the ledger's.
  [[nodiscard]] std::size_t memory() const;

 private:
  struct Meter {
    std::uint32_t limit;
    const RateLimit*
        terms;  // the policy's, which outlives the meter: give_back() comes with another
    Ledger::Lease meter;
    RateMeter::Times after;  // take_from(): what the meter becomes if all others fit, too
  };
  [[nodiscard]] bool take_from(std::span<const std::uint32_t> limits, std::uint32_t also,
                               std::uint64_t bytes, Instant now);
  /// Returns null if there is none.
  [[nodiscard]] Meter* find(std::uint32_t limit);
  [[nodiscard]] RateMeter& meter(const Payer& payer, const policy::Policy& policy,
                                 std::uint32_t limit, Instant now);

  std::vector<Meter> meters_;  // by limit; at most one for each of the policy's, mostly two
};

}  // namespace sallyport
