#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "sallyport/events.h"

#include "observe/audit_record.h"

namespace sallyport::observe {

/// Spells of throttling: from the first pause of a session for a cause until it was not paused for
/// that cause for `quiet`, or ended. The audit log has a line for the begin and one for the end of
/// each, and none for the pauses in between.
///
/// One worker's own. Memory: at most kMaxCauses spells for each session that is throttled.
class ThrottleLog final {
 public:
  static constexpr std::size_t kMaxCauses = 8;

  explicit ThrottleLog(Duration quiet) : quiet_(quiet) {}

  /// One pause; `now` in nanoseconds of a monotonic clock. True: a spell begins with it.
  bool add(const Who& who, Side from, policy::Cause cause, Duration pause, std::int64_t now);

  /// take(std::unique_ptr<AuditRecord>) gets the record of every spell that is over.
  template <typename Take>
  void sweep(std::int64_t now, Take take) {
    while (!due_.empty() && due_.front().at <= now) {
      const Due due = due_.front();
      due_.pop_front();
      if (auto record = look(due, now)) take(std::move(record));
    }
  }
  template <typename Take>
  void end_session(std::uint64_t session, std::int64_t now, Take take) {
    const auto found = sessions_.find(session);
    if (found == sessions_.end()) return;
    for (Spell& spell : found->second) take(finish(spell, now));
    sessions_.erase(found);
  }
  /// Spells that have begun and not ended.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Spell {
    std::uint64_t id = 0;
    std::string cause;
    Side from = Side::client;
    std::int64_t begun = 0;
    std::int64_t until = 0;  // the end of the last pause
    std::uint64_t pauses = 0;
    Duration paused{};
    std::unique_ptr<AuditRecord> end;  // says who; the rest is filled in when it is over
  };
  struct Due {
    std::int64_t at = 0;
    std::uint64_t session = 0;
    std::uint64_t spell = 0;
  };

  [[nodiscard]] std::unique_ptr<AuditRecord> look(const Due& due, std::int64_t now);
  [[nodiscard]] static std::unique_ptr<AuditRecord> finish(Spell& spell, std::int64_t now);

  const Duration quiet_;
  std::unordered_map<std::uint64_t, std::vector<Spell>> sessions_;
  /// One place for each spell, and for some that have ended with their sessions; the soonest first.
  std::deque<Due> due_;
  std::uint64_t next_id_ = 0;
};

}  // namespace sallyport::observe
