#include "observe/log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include <unistd.h>

#include "observe/audit_record.h"
#include "observe/json_writer.h"
#include "observe/printable.h"
#include "observe/worker_events.h"

namespace sallyport::observe {

namespace {

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warning", "error"};

void write_all(std::string_view line) {
  while (!line.empty()) {
    const ssize_t wrote = ::write(STDERR_FILENO, line.data(), line.size());
    if (wrote < 0 && errno != EINTR) return;  // there is nobody to tell
    if (wrote > 0) line.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

}  // namespace

Log::Log(const settings::Log& settings) : Log(settings, steady_nanos) {}
Log::Log(const settings::Log& settings, NanosNow now)
    : now_(now), level_(settings.level), settings_(settings) {}

void Log::set(const settings::Log& settings) {
  const std::lock_guard lock(mutex_);
  settings_ = settings;
  level_.store(settings.level, std::memory_order_relaxed);
}

void Log::write(settings::LogLevel level, std::string_view text) const {
  if (!writes(level)) return;
  const std::lock_guard lock(mutex_);
  if (!pass()) {
    left_out_.fetch_add(1);
    return;
  }
  if (const std::uint64_t all = left_out_.load(); all != left_out_told_) {
    write_line(settings::LogLevel::warn, std::to_string(all - left_out_told_) +
                                             " lines were left out here: more than [log] burst "
                                             "and per_second allow");
    left_out_told_ = all;
  }
  write_line(level, text);
}

/// GCRA, as all rates are.
bool Log::pass() const {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t step = kSecond / std::max<std::int64_t>(settings_.per_second, 1);
  const std::int64_t now = now_();
  if (free_at_ - now > step * (std::int64_t{settings_.burst} - 1)) return false;
  free_at_ = std::max(free_at_, now) + step;
  return true;
}

/// In one write, so that lines of several processes on one terminal or in one pipe stay whole.
void Log::write_line(settings::LogLevel level, std::string_view text) const {
  const std::string_view word = kLevels[static_cast<std::size_t>(level)];
  std::string line;
  if (settings_.format == settings::LogFormat::json) {
    JsonWriter json(line);
    json.begin_object();
    json.field("time", to_rfc3339(wall_clock()));
    json.field("level", word);
    json.field("text", text);
    json.end_object();
  } else {
    line = to_rfc3339(wall_clock());
    line += ' ';
    line += word;
    line += ' ';
    line += printable(text);
  }
  line += '\n';
  write_all(line);
}

}  // namespace sallyport::observe
