#include "observe/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "observe/printable.h"

namespace sallyport::observe {

std::expected<std::unique_ptr<Log>, std::string> Log::open(std::string_view level) {
  auto threshold = spdlog::level::info;
  if (level == "debug") {
    threshold = spdlog::level::debug;
  } else if (level == "warn") {
    threshold = spdlog::level::warn;
  } else if (level == "error") {
    threshold = spdlog::level::err;
  } else if (level != "info") {
    return std::unexpected("log level \"" + printable(level) +
                           "\" is not one of debug, info, warn, error");
  }
  // Not registered with spdlog: this object is the only way to the logger.
  auto logger = std::make_shared<spdlog::logger>("sallyport",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(threshold);
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc));
  return std::unique_ptr<Log>(new Log(std::move(logger)));
}

Log::Log(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}
Log::~Log() = default;

void Log::debug(std::string_view text) const {
  if (logger_->should_log(spdlog::level::debug)) logger_->debug(printable(text));
}
void Log::info(std::string_view text) const {
  if (logger_->should_log(spdlog::level::info)) logger_->info(printable(text));
}
void Log::warn(std::string_view text) const {
  if (logger_->should_log(spdlog::level::warn)) logger_->warn(printable(text));
}
void Log::error(std::string_view text) const { logger_->error(printable(text)); }

}  // namespace sallyport::observe
