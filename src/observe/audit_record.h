#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/events.h"

namespace sallyport::observe {

class JsonWriter;

/// One line of the audit log before it is text. A worker fills it in and forgets it; the writer
/// thread makes JSON of it. It owns all that it says, and is small: strings are cut when they are
/// put in.
class AuditRecord final {
 public:
  enum class Event : std::uint8_t {
    refusal,
    session_begin,
    session_end,
    throttle_begin,
    throttle_end,
  };
  enum class Text : std::uint8_t {
    listener,
    address,
    client_id,
    username,
    cause,
    topic,
    will,
    shown_cn,
    shown_serial,
  };
  static constexpr std::size_t kTexts = 9;
  /// Longest strings, in bytes; what was cut is named in the line's "truncated".
  static constexpr std::size_t kMaxTopic = 1024;
  static constexpr std::size_t kMaxText = 256;
  /// Examples of a sum: how many, and how long each may be.
  static constexpr std::size_t kMaxExamples = 16;
  static constexpr std::size_t kMaxExample = 128;
  /// No line is longer, whatever is in it: every byte may become six, and there are two thousand of
  /// the line's own.
  static constexpr std::size_t kMaxLine =
      6 * (2 * kMaxTopic + 10 * kMaxText + kMaxExamples * kMaxExample) + 2048;

  using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

  AuditRecord(Event what, Time when, const Who& who);

  /// Event::refusal. Of a packet nothing but its type and topic is kept.
  void set_refusal(const Refusal& refusal);
  /// Event::session_end.
  void set_end(const CloseReason& why, bool begun, Duration took);
  /// Event::throttle_begin and throttle_end.
  void set_throttle(Side from, policy::Cause cause);
  /// Event::throttle_end: `pauses` that were to take `paused` in all, within `took`. `when` is the
  /// end.
  void set_throttled(Time when, std::uint64_t pauses, Duration paused, Duration took);

  /// Makes this record the sum of lines that are left out, of which it would have been the first:
  /// its event becomes "repeated". `crowd`: they are of several client identifiers.
  void make_sum(bool crowd);
  /// One more line is left out, which an example tells from the others: the topic, or the client
  /// identifier of a crowd's. Empty: nothing does.
  void count(std::string_view example);
  /// How many lines are lost with this record.
  [[nodiscard]] std::uint64_t lines() const { return sum_ ? count_ : 1; }
  void set_sum_end(Time until) { took_ = until - when_; }

  /// Appends one JSON object and a line feed. Never throws for what is in the strings: what is not
  /// UTF-8 becomes U+FFFD, and what cannot be seen is escaped.
  void write_to(std::string& out) const;

 private:
  void set(Text which, std::string_view text);
  [[nodiscard]] std::string_view get(Text which) const;
  [[nodiscard]] static constexpr std::uint16_t bit(Text which) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(which));
  }
  [[nodiscard]] bool has(Text which) const { return (present_ & bit(which)) != 0; }
  void field(JsonWriter& json, std::string_view name, Text which) const;
  void write_who(JsonWriter& json) const;
  void write_refusal(JsonWriter& json) const;
  void write_end(JsonWriter& json) const;
  void write_throttle(JsonWriter& json) const;
  void write_sum(JsonWriter& json) const;

  Time when_;
  std::uint64_t session_;
  Duration took_{};
  Duration paused_{};
  std::uint64_t count_ = 0;
  std::shared_ptr<const Certificate> certificate_;
  std::string texts_;  // all of them, one behind the other
  std::vector<std::string> examples_;
  std::array<std::uint16_t, kTexts> begin_{};
  std::array<std::uint16_t, kTexts> size_{};
  std::uint16_t present_ = 0;    // bit per Text: is to be written
  std::uint16_t truncated_ = 0;  // bit per Text: was cut
  Event what_;
  std::optional<mqtt::Version> version_;
  Phase phase_ = Phase::open;
  Side side_ = Side::client;
  mqtt::PacketType packet_ = mqtt::PacketType::reserved;
  Action action_ = Action::drop;
  mqtt::ReasonCode reason_ = mqtt::ReasonCode::success;
  CloseKind kind_ = CloseKind::closed;
  bool is_rule_ = false;
  bool begun_ = false;
  bool shown_ = false;
  bool sum_ = false;
  bool crowd_ = false;
  bool more_ = false;  // examples were left out
};

[[nodiscard]] std::string_view to_string(AuditRecord::Event event);

/// {"time":…,"event":"lost","lines":N,"reasons":{…}}: lines that are missing before this one.
struct AuditLoss {
  std::uint64_t queue_full = 0;  // the worker's queue was full: the disk or the reader is too slow
  std::uint64_t write = 0;       // taken from a queue, and could not be written

  [[nodiscard]] std::uint64_t lines() const { return queue_full + write; }
  void write_to(std::string& out, AuditRecord::Time when) const;
};

/// "2026-01-31T12:00:00.123Z", RFC 3339 in UTC.
[[nodiscard]] std::string to_rfc3339(AuditRecord::Time when);
[[nodiscard]] AuditRecord::Time wall_clock();

}  // namespace sallyport::observe
