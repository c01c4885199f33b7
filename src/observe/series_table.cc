#include "observe/series_table.h"

#include "observe/reason_text.h"

namespace sallyport::observe {

SeriesTable::SeriesTable() : slots_(std::make_unique<Slot[]>(kSlots)) {}

// kind 2 bits, name 16, from 1, action 2, reason 8. kind is never 0, so no key is.
std::uint32_t SeriesTable::pack(SeriesKey key) {
  return static_cast<std::uint32_t>(key.kind) << 27 | static_cast<std::uint32_t>(key.name) << 11 |
         (static_cast<std::uint32_t>(key.from) & 1) << 10 |
         (static_cast<std::uint32_t>(key.action) & 3) << 8 | static_cast<std::uint32_t>(key.reason);
}

SeriesKey SeriesTable::unpack(std::uint32_t packed) {
  return {.kind = static_cast<SeriesKey::Kind>(packed >> 27 & 3),
          .name = static_cast<NameTable::Id>(packed >> 11 & 0xFFFF),
          .from = static_cast<Side>(packed >> 10 & 1),
          .action = static_cast<Action>(packed >> 8 & 3),
          .reason = static_cast<mqtt::ReasonCode>(packed & 0xFF)};
}

SeriesTable::Slot* SeriesTable::find(std::uint32_t packed, std::size_t limit) {
  // Fibonacci hashing: the keys differ in a few bits only.
  std::size_t at = (packed * 2'654'435'769U) >> 20;
  static_assert(kSlots == std::size_t{1} << 12);
  while (true) {
    Slot& slot = slots_[at];
    const std::uint32_t key = slot.key.load(std::memory_order_relaxed);
    if (key == packed) return &slot;
    if (key == 0) {
      if (used_ >= limit) return nullptr;
      ++used_;
      slot.key.store(packed, std::memory_order_release);
      return &slot;
    }
    at = (at + 1) & (kSlots - 1);
  }
}

void SeriesTable::add(SeriesKey key, Duration time) {
  if (!is_known(key.reason)) key.reason = mqtt::ReasonCode::unspecified_error;
  Slot* slot = find(pack(key), key.name == NameTable::kOther ? kSlots - 1 : kSlotsForNames);
  if (slot == nullptr) {
    key.name = NameTable::kOther;
    slot = find(pack(key), kSlots - 1);
  }
  if (slot == nullptr) return;  // cannot be: see kSlotsForNames
  slot->count.add();
  if (time.count() > 0) slot->nanos.add(static_cast<std::uint64_t>(time.count()));
}

}  // namespace sallyport::observe
