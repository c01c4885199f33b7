#include "observe/throttle_log.h"

#include <algorithm>

namespace sallyport::observe {

bool ThrottleLog::add(const Who& who, Side from, policy::Cause cause, Duration pause,
                      std::int64_t now) {
  std::vector<Spell>& spells = sessions_[who.session];
  auto spell = std::find_if(spells.begin(), spells.end(), [&](const Spell& s) {
    return s.from == from && s.cause == cause.name;
  });
  const bool begins = spell == spells.end();
  if (begins) {
    if (spells.size() == kMaxCauses) return false;
    spell = spells.insert(spells.end(), Spell{});
    spell->id = next_id_++;
    spell->cause = cause.name;
    spell->from = from;
    spell->begun = now;
    spell->end = std::make_unique<AuditRecord>(AuditEvent::throttle_end, AuditRecord::Time{}, who);
    spell->end->set_throttle(from, cause);
    due_.push_back({now + quiet_.count(), who.session, spell->id});
  }
  ++spell->pauses;
  spell->paused += pause;
  spell->until = std::max(spell->until, now + pause.count());
  return begins;
}

/// Returns the record of a spell that is over; returns null if it goes on, or is gone already.
std::unique_ptr<AuditRecord> ThrottleLog::look(const Due& due, std::int64_t now) {
  const auto found = sessions_.find(due.session);
  if (found == sessions_.end()) return nullptr;
  std::vector<Spell>& spells = found->second;
  const auto spell =
      std::find_if(spells.begin(), spells.end(), [&](const Spell& s) { return s.id == due.spell; });
  if (spell == spells.end()) return nullptr;
  if (spell->until + quiet_.count() > now) {
    // Looked at again no later than one `quiet` after it may be over, and the queue stays sorted.
    due_.push_back({now + quiet_.count(), due.session, due.spell});
    return nullptr;
  }
  auto record = finish(*spell, spell->until);
  spells.erase(spell);
  if (spells.empty()) sessions_.erase(found);
  return record;
}

std::unique_ptr<AuditRecord> ThrottleLog::finish(Spell& spell, std::int64_t now) {
  spell.end->set_throttled(wall_clock(), spell.pauses, spell.paused, Duration(now - spell.begun));
  return std::move(spell.end);
}

std::size_t ThrottleLog::size() const {
  std::size_t sum = 0;
  for (const auto& [session, spells] : sessions_) sum += spells.size();
  return sum;
}

}  // namespace sallyport::observe
