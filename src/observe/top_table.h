#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/time.h"

namespace sallyport::observe {

/// How a client is called where it is named.
enum class NameKind : std::uint8_t { client_id, certificate, address };
[[nodiscard]] std::string_view to_string(NameKind kind);

/// One of those who do most of something.
struct TopRow {
  NameKind kind = NameKind::address;
  std::string name;       // printable()
  double per_second = 0;  // weighted: what was a minute ago counts a third
};

/// Who does most of something, in bounded memory, however many there are: Space-Saving (Metwally,
/// Agrawal, El Abbadi 2005) over a sum that fades with time. Where somebody new finds no entry
/// free, the least one is taken over with what it counted, so whoever does more than a 1/entries
/// share of all is always there, and a count is never too low.
///
/// Thread: one writer; rows() may be called by any, and sees what publish() left.
class TopTable final {
 public:
  /// Shows `most` at most, and keeps eight times as many entries.
  explicit TopTable(std::size_t most);
  TopTable(const TopTable&) = delete;
  TopTable& operator=(const TopTable&) = delete;

  struct Name {
    NameKind kind = NameKind::address;
    std::string_view text;
  };
  /// Adds to the entry at `place` where that is still the key's. False: it is not.
  [[nodiscard]] bool add_at(std::size_t place, std::uint64_t key, double amount) {
    if (place >= keys_.size() || keys_[place] != key) return false;
    entries_[place].count += amount;
    return true;
  }
  /// Returns the place of the entry. `key` is a keyed hash of the name, and not 0.
  std::size_t add(std::uint64_t key, double amount, const Name& name);
  /// Lets what was counted fade, and shows the rows. `now`: steady clock in nanoseconds.
  void publish(std::int64_t now);

  /// The largest first.
  [[nodiscard]] std::vector<TopRow> rows() const;

 private:
  struct Entry {
    double count = 0;
    NameKind kind = NameKind::address;
    std::string name;
  };

  const std::size_t most_;
  std::vector<std::uint64_t> keys_;  // of entries_; 0: free
  std::vector<Entry> entries_;
  std::optional<std::int64_t> faded_at_;  // none: nothing has faded yet
  mutable std::mutex mutex_;
  std::vector<TopRow> rows_;  // under mutex_
};

/// The rows of several tables as those of one: the same name is added up.
[[nodiscard]] std::vector<TopRow> merge(std::vector<TopRow> rows, std::size_t most);

}  // namespace sallyport::observe
