#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "sallyport/mqtt.h"
#include "sallyport/rate.h"
#include "sallyport/time.h"

#include "observe/counters.h"
#include "observe/name_table.h"

namespace sallyport::observe {

/// The labels of one counter that has a rule or check in its name.
struct SeriesKey {
  enum class Kind : std::uint8_t { refusal = 1, throttle = 2 };
  Kind kind = Kind::refusal;
  NameTable::Id name = NameTable::kOther;  // < 2^14
  Side from = Side::client;
  Action action = Action::drop;
  mqtt::ReasonCode reason = mqtt::ReasonCode::success;
};

/// Counters by SeriesKey that one worker writes and any thread reads. The number of slots is fixed;
/// where a name finds no room it is counted under "other", which always does.
class SeriesTable final {
 public:
  SeriesTable();
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;

  /// The one writer. `time` is added to the time that the key stands for (throttles).
  void add(SeriesKey key, Duration time = Duration::zero());

  /// visit(SeriesKey, std::uint64_t count, std::uint64_t nanos) for every key so far. Any thread.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < kSlots; ++i) {
      const std::uint32_t packed = slots_[i].key.load(std::memory_order_acquire);
      if (packed != 0) visit(unpack(packed), slots_[i].count.value(), slots_[i].nanos.value());
    }
  }

 private:
  static constexpr std::size_t kSlots = 4096;
  /// Names stop here. What is left is more than "other" can use: 2 kinds, 2 sides, 4 actions, and
  /// fewer than 50 reasons.
  static constexpr std::size_t kSlotsForNames = 3072;

  struct Slot {
    std::atomic<std::uint32_t> key{0};  // 0: free; set once, after which it never changes
    Counter count;
    Counter nanos;
  };

  [[nodiscard]] static std::uint32_t pack(SeriesKey key);
  [[nodiscard]] static SeriesKey unpack(std::uint32_t packed);
  [[nodiscard]] Slot* find(std::uint32_t packed, std::size_t limit);

  std::unique_ptr<Slot[]> slots_;
  std::size_t used_ = 0;  // the writer's own
};

}  // namespace sallyport::observe
