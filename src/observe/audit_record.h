#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/events.h"

namespace sallyport::observe {

/// One line of the audit log before it is text. A worker fills it in and forgets it; the writer
/// thread makes JSON of it. It owns all that it says, and is small: strings are cut when they are
/// put in.
class AuditRecord final {
 public:
  enum class Event : std::uint8_t { refusal, session_begin, session_end };
  enum class Text : std::uint8_t { listener, address, client_id, username, cause, topic };
  static constexpr std::size_t kTexts = 6;
  /// Longest strings, in bytes; what was cut is named in the line's "truncated".
  static constexpr std::size_t kMaxTopic = 1024;
  static constexpr std::size_t kMaxText = 256;

  using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

  AuditRecord(Event what, Time when, const Who& who);

  /// Event::refusal. Of a packet nothing but its type and topic is kept.
  void set_refusal(const Refusal& refusal);
  /// Event::session_end.
  void set_end(const CloseReason& why, bool begun, Duration took);

  /// One JSON object and a line feed. Never throws for what is in the strings: what is not UTF-8
  /// is replaced by U+FFFD.
  [[nodiscard]] std::string to_line() const;

 private:
  void set(Text which, std::string_view text);
  [[nodiscard]] std::string_view get(Text which) const;
  [[nodiscard]] bool has(std::uint8_t flags, Text which) const {
    return (flags >> static_cast<std::uint8_t>(which) & 1) != 0;
  }

  Time when_;
  std::uint64_t session_;
  Duration took_{};
  std::shared_ptr<const Certificate> certificate_;
  std::unique_ptr<const Certificate> shown_;  // Refusal::shown
  std::string texts_;                         // all of them, one behind the other
  std::array<std::uint16_t, kTexts> begin_{};
  std::array<std::uint16_t, kTexts> size_{};
  std::uint8_t present_ = 0;    // bit per Text: is to be written
  std::uint8_t truncated_ = 0;  // bit per Text: was cut
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
};

/// {"time":…,"event":"lost","lines":N,"reasons":{…}}: lines that are missing before this one.
struct AuditLoss {
  std::uint64_t queue_full = 0;  // the worker's queue was full: the disk or the reader is too slow
  std::uint64_t repeated = 0;    // more of the same than a RepeatFilter passes
  std::uint64_t write = 0;       // taken from a queue, and could not be written

  [[nodiscard]] std::uint64_t lines() const { return queue_full + repeated + write; }
  [[nodiscard]] std::string to_line(AuditRecord::Time when) const;
};

/// "2026-01-31T12:00:00.123Z", RFC 3339 in UTC.
[[nodiscard]] std::string to_rfc3339(AuditRecord::Time when);
[[nodiscard]] AuditRecord::Time wall_clock();

}  // namespace sallyport::observe
