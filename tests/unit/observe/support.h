#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <unistd.h>

#include "sallyport/events.h"

#include "observe/audit_format.h"
#include "observe/audit_record.h"
#include "observe/log.h"

/// What the tests of this folder share: a folder that goes away, an identity, and the values in an
/// exposition.
namespace sallyport::observe::testing {

/// 2025-12-31T23:59:59.987Z
inline constexpr AuditRecord::Time kWhen{std::chrono::milliseconds(1'767'225'599'987)};

/// A folder of its own for each test, removed with everything in it.
class TempFolder final {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "observe-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return std::move(out).str();
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

inline constexpr std::array kFormats = {settings::AuditFormat::native, settings::AuditFormat::ecs,
                                        settings::AuditFormat::ocsf};

inline std::string line_of(const AuditRecord& record,
                           settings::AuditFormat format = settings::AuditFormat::native) {
  std::string line;
  LineFormat(format, "gw-1").write(record, line);
  return line;
}

inline std::unique_ptr<Log> quiet_log() {
  return std::make_unique<Log>(settings::Log{.level = settings::LogLevel::error});
}

inline Identity sensor() {
  return {.listener = "devices",
          .address = "192.0.2.7",
          .certificate = std::make_shared<const Certificate>(Certificate{.common_name = "sensor-1",
                                                                         .serial = "0a1b",
                                                                         .san_dns = {},
                                                                         .san_uri = {},
                                                                         .fingerprint = "f00d"}),
          .username = "someone",
          .client_id = "sensor-1"};
}

inline Refusal refusal_by(std::string_view name, bool is_rule = true) {
  return {.from = Side::client,
          .packet = mqtt::PacketType::publish,
          .action = Action::drop,
          .reason = mqtt::ReasonCode::not_authorized,
          .cause = {name, is_rule},
          .topic = "plant/1/secret"};
}

/// The samples of an exposition: "name{labels}" to value.
inline std::map<std::string, double> samples(const std::string& exposition) {
  std::map<std::string, double> out;
  for (const std::string& line : lines_of(exposition)) {
    if (line.empty() || line[0] == '#') continue;
    const auto space = line.rfind(' ');
    out[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return out;
}

/// The value of one sample; -1: there is none.
inline double sample(const std::string& exposition, const std::string& name) {
  const auto all = samples(exposition);
  const auto found = all.find(name);
  return found == all.end() ? -1 : found->second;
}

/// Waits for something that another thread does. Generous: it only takes that long where it fails.
template <typename Condition>
[[nodiscard]] bool eventually(Condition condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

/// Sends what the process writes to a descriptor (1 or 2) somewhere else while it lives.
class Redirect final {
 public:
  Redirect(int descriptor, int target) : descriptor_(descriptor), saved_(dup(descriptor)) {
    std::fflush(nullptr);
    dup2(target, descriptor);
  }
  ~Redirect() {
    std::fflush(nullptr);
    dup2(saved_, descriptor_);
    close(saved_);
  }
  Redirect(const Redirect&) = delete;
  Redirect& operator=(const Redirect&) = delete;

 private:
  int descriptor_;
  int saved_;
};

/// What is written to stderr while it lives.
class StderrText final {
 public:
  StderrText() : file_(std::tmpfile()), redirect_(2, fileno(file_)) {}
  ~StderrText() { std::fclose(file_); }
  [[nodiscard]] std::string text() const {
    std::string all;
    char part[4096];
    off_t at = 0;
    for (ssize_t n = 0; (n = pread(fileno(file_), part, sizeof part, at)) > 0; at += n)
      all.append(part, static_cast<std::size_t>(n));
    return all;
  }

 private:
  std::FILE* file_;
  Redirect redirect_;
};

}  // namespace sallyport::observe::testing
