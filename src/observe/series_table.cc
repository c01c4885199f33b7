#include "observe/series_table.h"

#include "observe/reason_text.h"

namespace sallyport::observe {

SeriesTable::SeriesTable(std::uint16_t other_listener)
    : other_listener_(other_listener), slots_(std::make_unique<Slot[]>(kSlots)) {}

// role 14 bits, kind 2, listener 16, phase 4, name 16, from 1, action 2, reason 8. kind is never 0,
// so no key is.
std::uint64_t SeriesTable::pack(SeriesKey key) {
  return (std::uint64_t{key.role} & 0x3FFF) << 49 | static_cast<std::uint64_t>(key.kind) << 47 |
         std::uint64_t{key.listener} << 31 | (std::uint64_t{key.phase} & 15) << 27 |
         std::uint64_t{key.name} << 11 | (static_cast<std::uint64_t>(key.from) & 1) << 10 |
         (static_cast<std::uint64_t>(key.action) & 3) << 8 | static_cast<std::uint64_t>(key.reason);
}
static_assert(sizeof(NameTable::Id) == 2 && SeriesKey::kOtherPhase < 16);

SeriesKey SeriesTable::unpack(std::uint64_t packed) {
  return {.kind = static_cast<SeriesKey::Kind>(packed >> 47 & 3),
          .name = static_cast<NameTable::Id>(packed >> 11 & 0xFFFF),
          .role = static_cast<NameTable::Id>(packed >> 49 & 0x3FFF),
          .listener = static_cast<std::uint16_t>(packed >> 31 & 0xFFFF),
          .phase = static_cast<std::uint8_t>(packed >> 27 & 15),
          .from = static_cast<Side>(packed >> 10 & 1),
          .action = static_cast<Action>(packed >> 8 & 3),
          .reason = static_cast<mqtt::ReasonCode>(packed & 0xFF)};
}

/// The slot of a key, which is added where fewer than `limit` are taken; else null.
SeriesTable::Slot* SeriesTable::find(std::uint64_t packed, std::size_t limit) {
  // Fibonacci hashing: the keys differ in a few bits only.
  std::size_t at = (packed * 0x9E37'79B9'7F4A'7C15U) >> 51;
  static_assert(kSlots == std::size_t{1} << 13);
  while (true) {
    Slot& slot = slots_[at];
    const std::uint64_t key = slot.key.load(std::memory_order_relaxed);
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
  Slot* slot = find(pack(key), kSlotsForRoles);
  if (slot == nullptr && key.name != NameTable::kOther) {
    key.role = NameTable::kOther;
    slot = find(pack(key), kSlotsForNames);
  }
  if (slot == nullptr) {
    key.name = NameTable::kOther;
    key.role = NameTable::kOther;
    slot = find(pack(key), kSlotsForOthers);
  }
  if (slot == nullptr) {
    key.listener = other_listener_;
    key.phase = SeriesKey::kOtherPhase;
    slot = find(pack(key), kSlots - 1);
  }
  if (slot == nullptr) return;  // cannot be: see kSlotsForOthers
  slot->count.add();
  if (time.count() > 0) slot->nanos.add(static_cast<std::uint64_t>(time.count()));
}

}  // namespace sallyport::observe
