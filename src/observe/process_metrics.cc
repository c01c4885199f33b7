#include "observe/process_metrics.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

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

}  // namespace

ProcessFigures read_process() {
  ProcessFigures figures;
  if (const auto stat = read_stat()) {
    figures.cpu_seconds = stat->cpu_seconds;
    figures.resident_bytes = stat->resident_bytes;
    figures.virtual_bytes = stat->virtual_bytes;
    figures.threads = stat->threads;
    if (const auto boot = read_boot_time()) figures.start_time = *boot + stat->start_seconds;
  }
  figures.open_files = count_descriptors();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    figures.max_files = static_cast<double>(limit.rlim_cur);
  }
  return figures;
}

}  // namespace sallyport::observe
