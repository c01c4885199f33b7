#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace sallyport::observe {

/// The process's log for humans: one line each on stderr, "2026-01-31T12:00:00.123Z warning text".
/// What happens to packets and sessions is not written here but to the audit log.
///
/// A text is written as printable() shows it, so that no peer can forge or disguise a line.
/// Thread: any. Lines are written at once, under a lock: not for a packet's path.
class Log final {
 public:
  /// `level`: "debug", "info", "warn" or "error"; anything else is answered with what is accepted.
  [[nodiscard]] static std::expected<std::unique_ptr<Log>, std::string> open(
      std::string_view level);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void debug(std::string_view text) const;
  void info(std::string_view text) const;
  void warn(std::string_view text) const;
  void error(std::string_view text) const;

 private:
  explicit Log(std::shared_ptr<spdlog::logger> logger);
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace sallyport::observe
