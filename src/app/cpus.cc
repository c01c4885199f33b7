#include "app/cpus.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

namespace sallyport::app {

namespace {

constexpr double kMostWorkers = 256;

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(std::move(part));
  return parts;
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(std::move(line));
  return lines;
}

/// The number at the beginning of a file; none: there is none ("max", or no file).
std::optional<double> number_in(const std::string& path) {
  std::ifstream file(path);
  double number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

std::optional<double> share(std::optional<double> quota, std::optional<double> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

/// cpu.max: "QUOTA PERIOD" or "max PERIOD".
std::optional<double> quota_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  double quota = 0;
  double period = 0;
  if (!(file >> quota >> period)) return std::nullopt;
  return share(quota, period);
}

/// Without a quota there stands -1.
std::optional<double> quota_v1(const std::string& folder) {
  return share(number_in(folder + "/cpu.cfs_quota_us"), number_in(folder + "/cpu.cfs_period_us"));
}

/// One hierarchy of cgroups that may limit the CPU.
struct Hierarchy {
  std::string type;        // of its file system
  std::string controller;  // that has to be among its options; empty: any
  std::optional<double> (*quota)(const std::string& folder);
};

struct Mount {
  std::string root;   // the cgroup that is seen at
  std::string point;  // this path
};

/// proc(5), /proc/pid/mountinfo: ID PARENT DEVICE ROOT POINT OPTIONS ... - TYPE SOURCE OPTIONS
std::optional<Mount> mount_of(const Hierarchy& hierarchy, const std::string& root) {
  for (const std::string& line : lines_of(root + "/proc/self/mountinfo")) {
    const std::vector<std::string> fields = split(line, ' ');
    const auto dash = std::ranges::find(fields, "-");
    if (dash - fields.begin() < 5 || fields.end() - dash < 4 || dash[1] != hierarchy.type) continue;
    const std::vector<std::string> options = split(dash[3], ',');
    if (!hierarchy.controller.empty() &&
        std::ranges::find(options, hierarchy.controller) == options.end()) {
      continue;
    }
    return Mount{fields[3], fields[4]};
  }
  return std::nullopt;
}

/// cgroups(7), /proc/pid/cgroup: NUMBER:CONTROLLERS:PATH; version 2 names no controllers.
std::optional<std::string> group_in(const Hierarchy& hierarchy, const std::string& root) {
  for (const std::string& line : lines_of(root + "/proc/self/cgroup")) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    const std::vector<std::string> controllers =
        split(line.substr(first + 1, second - first - 1), ',');
    const bool found =
        hierarchy.controller.empty()
            ? controllers.empty()
            : std::ranges::find(controllers, hierarchy.controller) != controllers.end();
    if (found) return line.substr(second + 1);
  }
  return std::nullopt;
}

/// The least quota of this process' cgroup and of those around it, as far up as they can be seen.
std::optional<double> least_quota(const Hierarchy& hierarchy, const std::string& root) {
  const auto mount = mount_of(hierarchy, root);
  auto group = group_in(hierarchy, root);
  if (!mount || !group) return std::nullopt;
  // A container that shares the host's view of cgroups sees its own one at the mount's root.
  if (mount->root != "/" && group->starts_with(mount->root)) group->erase(0, mount->root.size());
  std::optional<double> least;
  for (std::string path = *group;; path.erase(path.rfind('/'))) {
    while (path.ends_with('/')) path.pop_back();
    if (const auto quota = hierarchy.quota(root + mount->point + path)) {
      least = std::min(*quota, least.value_or(*quota));
    }
    if (path.rfind('/') == std::string::npos) return least;
  }
}

}  // namespace

std::optional<double> cpu_quota(const std::string& root) {
  std::optional<double> least;
  for (const Hierarchy& hierarchy :
       {Hierarchy{"cgroup2", "", quota_v2}, Hierarchy{"cgroup", "cpu", quota_v1}}) {
    if (const auto quota = least_quota(hierarchy, root)) {
      least = std::min(*quota, least.value_or(*quota));
    }
  }
  return least;
}

std::size_t default_workers(std::size_t cores, std::optional<double> quota) {
  const double most = quota ? std::ceil(*quota) : kMostWorkers;
  return std::clamp(cores, std::size_t{1},
                    static_cast<std::size_t>(std::clamp(most, 1.0, kMostWorkers)));
}

}  // namespace sallyport::app
