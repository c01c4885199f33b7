#include "session/alias_table.h"

namespace sallyport {

const AliasTable::Entry* AliasTable::find(std::uint16_t alias) const {
  if (alias == 0 || alias > entries_.size()) return nullptr;
  const Entry& entry = entries_[alias - 1U];
  return entry.topic.empty() ? nullptr : &entry;
}

void AliasTable::set(std::uint16_t alias, std::string_view topic, bool forwarded) {
  if (!valid(alias)) return;
  if (alias > entries_.size()) entries_.resize(alias);
  Entry& entry = entries_[alias - 1U];
  entry.topic = topic;
  entry.receiver_knows = forwarded;
  entry.over.reset();
}

void AliasTable::set_beyond(std::uint16_t alias, std::string_view topic, mqtt::Malformed over) {
  set(alias, topic, false);
  if (valid(alias)) entries_[alias - 1U].over = over;
}

void AliasTable::forget(std::uint16_t alias) {
  if (alias == 0) {
    entries_.clear();
  } else if (alias <= entries_.size()) {
    entries_[alias - 1U].topic.clear();
  }
}

void AliasTable::mark_known(std::uint16_t alias) {
  if (alias != 0 && alias <= entries_.size()) entries_[alias - 1U].receiver_knows = true;
}

std::size_t AliasTable::memory() const {
  std::size_t total = entries_.capacity() * sizeof(Entry);
  for (const Entry& entry : entries_) total += entry.topic.capacity();
  return total;
}

}  // namespace sallyport
