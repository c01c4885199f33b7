#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "sallyport/identity.h"
#include "sallyport/settings.h"
#include "sallyport/siphash.h"

namespace sallyport::observe {

/// Who repeats what, as keyed hashes.
struct RepeatKey {
  std::uint64_t client = 0;    // one client and one cause
  std::uint64_t crowd = 0;     // one certificate or address, and one cause
  std::uint64_t everyone = 0;  // one cause
  std::uint64_t holder = 0;    // one certificate or address, whatever the cause
};

/// Keeps one client that does the same thing again and again from filling the disk, and from using
/// up what others may write. Each (client, cause) has an allowance of its own, where a client is
/// its certificate or address together with username and client identifier. Because those two can
/// be made up before the broker has agreed to them, what one certificate or address may write about
/// one cause is bounded as well, by a multiple.
///
/// Clients are told apart by SipHash under a random key, 64 bits of it: an attacker can find no two
/// that fall together. Where the table has no room, the entry that owes least is forgotten, which
/// lets more lines pass and never fewer.
///
/// One worker's own; no memory beyond the object's tables.
class RepeatFilter final {
 public:
  RepeatFilter(const settings::AuditLimits& limits, const HashKey& key);

  /// `kind` and `cause` name the thing. `begun`: the broker agreed to the username.
  [[nodiscard]] RepeatKey key(const Identity& identity, bool begun, std::uint8_t kind,
                              std::string_view cause) const;

  /// RepeatKey::everyone
  [[nodiscard]] std::uint64_t cause_key(std::uint8_t kind, std::string_view cause) const;

  enum class Answer : std::uint8_t { write, client_repeats, crowd_repeats };
  /// May a line be written? Charges where yes. `now` in nanoseconds of a monotonic clock;
  /// `as_crowd`: the second bound counts, too.
  [[nodiscard]] Answer pass(const RepeatKey& key, bool as_crowd, std::int64_t now);

 private:
  /// GCRA by key, set-associative.
  class Table {
   public:
    Table();
    /// Returns when all that was used under the key is earned back; adds the key where it is new.
    [[nodiscard]] std::int64_t& free_at(std::uint64_t key);

   private:
    static constexpr std::size_t kWays = 8;
    static constexpr std::size_t kSets = 512;
    struct Slot {
      std::uint64_t key = 0;
      std::int64_t free_at = 0;
    };
    std::unique_ptr<Slot[]> slots_;
  };

  HashKey key_;
  std::int64_t step_;
  std::int64_t ahead_;
  std::int64_t crowd_step_;
  std::int64_t crowd_ahead_;
  Table clients_;
  Table crowds_;
};

}  // namespace sallyport::observe
