#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "sallyport/events.h"

#include "observe/counters.h"
#include "observe/name_table.h"

namespace sallyport::observe {

/// The labels of one counter that has a rule or check in its name.
struct SeriesKey {
  enum class Kind : std::uint8_t { refusal = 1, throttle = 2 };
  /// Stands for every phase where there is no room to tell them apart.
  static constexpr auto kOtherPhase = static_cast<std::uint8_t>(Phase::end) + 1;

  Kind kind = Kind::refusal;
  NameTable::Id name = NameTable::kOther;
  NameTable::Id role = NameTable::kOther;  // below 2^14
  std::uint16_t listener = 0;              // index in Names::listeners
  std::uint8_t phase = static_cast<std::uint8_t>(Phase::open);
  Side from = Side::client;
  Action action = Action::drop;
  mqtt::ReasonCode reason = mqtt::ReasonCode::success;

  friend bool operator==(const SeriesKey&, const SeriesKey&) = default;
};

/// Counters by SeriesKey that one worker writes and any thread reads. The number of slots is fixed.
/// A key that finds no room is counted under the role "other", then under the name "other" too, and
/// one that finds none there either under the other listener and phase as well, where there always
/// is room.
class SeriesTable final {
 public:
  /// `other_listener`: the listener of what finds no room.
  explicit SeriesTable(std::uint16_t other_listener);
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;

  /// The one writer. `time` is added to the time that the key stands for (throttles).
  void add(SeriesKey key, Duration time = Duration::zero());

  /// visit(SeriesKey, std::uint64_t count, std::uint64_t nanos) for every key so far. Any thread.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < kSlots; ++i) {
      const std::uint64_t packed = slots_[i].key.load(std::memory_order_acquire);
      if (packed != 0) visit(unpack(packed), slots_[i].count.value(), slots_[i].nanos.value());
    }
  }

  static constexpr std::size_t kSlots = 8192;
  /// Roles stop here.
  static constexpr std::size_t kSlotsForRoles = 4096;
  /// Names stop here.
  static constexpr std::size_t kSlotsForNames = 6656;
  /// The name "other" by listener and phase stops here. What is left is more than one listener and
  /// phase can use: 2 kinds, 2 sides, 4 actions, and fewer than 50 reasons.
  static constexpr std::size_t kSlotsForOthers = 7296;

 private:
  struct Slot {
    std::atomic<std::uint64_t> key{0};  // 0: free; set once, after which it never changes
    Counter count;
    Counter nanos;
  };

  [[nodiscard]] static std::uint64_t pack(SeriesKey key);
  [[nodiscard]] static SeriesKey unpack(std::uint64_t packed);
  [[nodiscard]] Slot* find(std::uint64_t packed, std::size_t limit);

  const std::uint16_t other_listener_;
  std::unique_ptr<Slot[]> slots_;
  std::size_t used_ = 0;  // the writer's own
};

}  // namespace sallyport::observe
