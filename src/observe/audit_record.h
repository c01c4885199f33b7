#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/events.h"

#include "observe/audit_event.h"
#include "observe/audit_field.h"

namespace sallyport::observe {

/// Whom a sum counts together.
enum class SumOf : std::uint8_t {
  client,    // one client; examples are topics
  crowd,     // one certificate or address; examples are client identifiers
  everyone,  // all that were refused for the cause; examples are addresses
};

/// One line of the audit log before it is text: the fields that it has, and their values. A worker
/// fills it in and forgets it; the writer thread makes a line of it. It owns all that it says, and
/// is small: strings are cut when they are put in.
class AuditRecord final {
 public:
  /// Longest strings, in bytes; what was cut is named in the line's "truncated".
  static constexpr std::size_t kMaxTopic = 1024;
  static constexpr std::size_t kMaxText = 256;
  /// Examples of a sum: how many, and how long each may be.
  static constexpr std::size_t kMaxExamples = 16;
  static constexpr std::size_t kMaxExample = 128;
  /// No line is longer, whatever is in it and in which format: every byte may become six, and there
  /// are four thousand of the line's own.
  static constexpr std::size_t kMaxLine =
      6 * (2 * kMaxTopic + 14 * kMaxText + kMaxExamples * kMaxExample) + 4096;

  using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

  /// About nobody: an event of the process.
  AuditRecord(AuditEvent what, Time when);
  AuditRecord(AuditEvent what, Time when, const Who& who);

  /// AuditEvent::refusal. Of a packet nothing but its type and topic is kept.
  void set_refusal(const Refusal& refusal);
  /// AuditEvent::session_end.
  void set_end(const CloseReason& why, bool begun, Duration took);
  /// AuditEvent::throttle_begin and throttle_end.
  void set_throttle(Side from, policy::Cause cause);
  /// AuditEvent::throttle_end: `pauses` that were to take `paused` in all, within `took`. `when` is
  /// the end.
  void set_throttled(Time when, std::uint64_t pauses, Duration paused, Duration took);
  // Any field of the kind that its row says.
  void set(AuditField field, std::string_view text);
  void set(AuditField field, std::uint64_t number);
  void set_flag(AuditField field, bool value) { set(field, std::uint64_t{value ? 1U : 0U}); }
  void set_seconds(AuditField field, Duration time);

  /// Makes this record the sum of lines that are left out, of which it would have been the first:
  /// its event becomes "repeated". What need not be the same in all of them goes.
  void make_sum(SumOf whom);
  /// One more line is left out, which an example tells from the others. Empty: nothing does.
  void count(std::string_view example);
  /// How many lines are lost with this record.
  [[nodiscard]] std::uint64_t lines() const { return is_sum() ? number(AuditField::count) : 1; }
  void set_sum_end(Time until) { set_seconds(AuditField::seconds, until - when_); }

  // For who writes it.
  [[nodiscard]] AuditEvent event() const { return what_; }
  [[nodiscard]] Time time() const { return when_; }
  [[nodiscard]] bool is_sum() const { return has(AuditField::of); }
  [[nodiscard]] bool has(AuditField field) const { return (present_ & bit(field)) != 0; }
  // Only where has(field).
  [[nodiscard]] std::string_view text(AuditField field) const;
  [[nodiscard]] std::uint64_t number(AuditField field) const { return value(field); }
  [[nodiscard]] const Certificate& certificate() const { return *certificate_; }
  [[nodiscard]] const std::vector<std::string>& examples() const { return examples_; }
  [[nodiscard]] bool truncated(AuditField field) const { return (truncated_ & bit(field)) != 0; }
  /// Did what the line tells of go well? A refusal that is only reported did.
  [[nodiscard]] bool went_well() const;

  /// Bytes of its line, about: what the budget was charged with.
  [[nodiscard]] std::uint32_t charged() const { return charged_; }
  void set_charged(std::uint32_t bytes) { charged_ = bytes; }

 private:
  void set_cause(policy::Cause cause);
  [[nodiscard]] std::uint64_t& value(AuditField field) {
    return values_[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] const std::uint64_t& value(AuditField field) const {
    return values_[static_cast<std::size_t>(field)];
  }

  Time when_;
  std::uint64_t present_ = 0;    // bit per field
  std::uint64_t truncated_ = 0;  // bit per field: was cut
  std::shared_ptr<const Certificate> certificate_;
  std::string texts_;  // all of them, one behind the other
  std::vector<std::string> examples_;
  /// Of the fields that are present: a number, or where in texts_ a text begins (upper half) and
  /// how long it is.
  std::array<std::uint64_t, kAuditFields.size()> values_{};
  std::uint32_t charged_ = 0;
  AuditEvent what_;
  AuditField example_field_ = AuditField::topics;
};

/// Lines that are missing.
struct AuditLoss {
  std::uint64_t queue_full = 0;  // the worker's queue was full: the disk or the reader is too slow
  std::uint64_t write = 0;       // taken from a queue, and could not be written

  [[nodiscard]] std::uint64_t lines() const { return queue_full + write; }
  /// AuditEvent::lost
  [[nodiscard]] AuditRecord record(AuditRecord::Time when) const;
};

/// "2026-01-31T12:00:00.123Z", RFC 3339 in UTC.
[[nodiscard]] std::string to_rfc3339(AuditRecord::Time when);
/// The longest beginning of `text` of at most `limit` bytes that does not end inside a character.
[[nodiscard]] std::string_view cut(std::string_view text, std::size_t limit);
[[nodiscard]] AuditRecord::Time wall_clock();

}  // namespace sallyport::observe
