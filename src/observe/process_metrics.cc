#include "observe/process_metrics.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

#include "observe/families.h"

namespace sallyport::observe {

namespace {

struct Stat {
  double cpu_seconds = 0;
  double start_seconds = 0;  // since boot
  double virtual_bytes = 0;
  double resident_bytes = 0;
  double threads = 0;
};

/// /proc/self/stat, proc(5).
std::optional<Stat> read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The second field is the program's name in parentheses, and may hold anything.
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(line.substr(name_end + 1));
  std::string state;
  rest >> state;          // field 3
  double field[25] = {};  // from field 4 on
  for (int i = 4; i <= 24; ++i) rest >> field[i];
  if (!rest) return std::nullopt;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  return Stat{.cpu_seconds = (field[14] + field[15]) / ticks,
              .start_seconds = field[22] / ticks,
              .virtual_bytes = field[23],
              .resident_bytes = field[24] * page,
              .threads = field[20]};
}

/// When the machine started, in seconds since the epoch.
std::optional<double> read_boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
    std::getline(file, word);
  }
  return std::nullopt;
}

std::optional<double> count_descriptors() {
  std::error_code error;
  double count = 0;
  std::filesystem::directory_iterator at("/proc/self/fd", error);
  if (error) return std::nullopt;
  for (const std::filesystem::directory_iterator end; at != end; at.increment(error)) {
    if (error) return std::nullopt;
    ++count;
  }
  return count - 1;  // one of them is this directory
}

void add_one(std::vector<prometheus::MetricFamily>& families, const char* name, const char* help,
             prometheus::MetricType type, double value) {
  FamilyBuilder family(name, help, type);
  family.add({}, value);
  families.push_back(family.take());
}

}  // namespace

void add_process_metrics(std::vector<prometheus::MetricFamily>& families) {
  using prometheus::MetricType;
  if (const auto stat = read_stat()) {
    add_one(families, "process_cpu_seconds_total", "User and system CPU time spent in seconds.",
            MetricType::Counter, stat->cpu_seconds);
    add_one(families, "process_resident_memory_bytes", "Resident memory size in bytes.",
            MetricType::Gauge, stat->resident_bytes);
    add_one(families, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
            MetricType::Gauge, stat->virtual_bytes);
    add_one(families, "process_threads", "Threads of the process.", MetricType::Gauge,
            stat->threads);
    if (const auto boot = read_boot_time())
      add_one(families, "process_start_time_seconds",
              "Start time of the process in seconds since the epoch.", MetricType::Gauge,
              *boot + stat->start_seconds);
  }
  if (const auto open = count_descriptors())
    add_one(families, "process_open_fds", "Open file descriptors.", MetricType::Gauge, *open);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    add_one(families, "process_max_fds", "Most file descriptors that may be open.",
            MetricType::Gauge, static_cast<double>(limit.rlim_cur));
}

}  // namespace sallyport::observe
