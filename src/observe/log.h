#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "sallyport/settings.h"

namespace sallyport::observe {

/// The process's log for humans, on stderr: one line each, "2026-01-31T12:00:00.123Z warning text",
/// or the same as a JSON object with `time`, `level` and `text`. What happens to packets and
/// sessions is not written here but to the audit log.
///
/// A text is written as printable() shows it, so that no peer can forge or disguise a line. Lines
/// beyond settings::Log's rate are left out and counted, and the next line that is written comes
/// behind one that says how many.
///
/// Thread: any. Lines are written at once, under a lock: not for a packet's path.
class Log final {
 public:
  /// Nanoseconds of a monotonic clock.
  using NanosNow = std::int64_t (*)();

  explicit Log(const settings::Log& settings);
  Log(const settings::Log& settings, NanosNow now);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// From here on.
  void set(const settings::Log& settings);
  [[nodiscard]] bool writes(settings::LogLevel level) const {
    return level >= level_.load(std::memory_order_relaxed);
  }
  /// Lines that were left out so far.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_.load(); }

  void write(settings::LogLevel level, std::string_view text) const;
  void debug(std::string_view text) const { write(settings::LogLevel::debug, text); }
  void info(std::string_view text) const { write(settings::LogLevel::info, text); }
  void warn(std::string_view text) const { write(settings::LogLevel::warn, text); }
  void error(std::string_view text) const { write(settings::LogLevel::error, text); }

 private:
  [[nodiscard]] bool pass() const;
  void write_line(settings::LogLevel level, std::string_view text) const;

  const NanosNow now_;
  std::atomic<settings::LogLevel> level_;
  mutable std::atomic<std::uint64_t> left_out_{0};
  mutable std::mutex mutex_;
  // Under mutex_:
  settings::Log settings_;
  mutable std::int64_t free_at_ = 0;  // when all that was used of the rate is earned back
  mutable std::uint64_t left_out_told_ = 0;
};

}  // namespace sallyport::observe
