#include "app/cpus.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <doctest/doctest.h>

using sallyport::app::cpu_quota;
using sallyport::app::default_workers;

namespace {

/// A machine of a few files.
class Root final {
 public:
  explicit Root(const std::map<std::string, std::string>& files) {
    char name[] = "/tmp/sallyport-cpus-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path = name;
    for (const auto& [file, text] : files) {
      const std::filesystem::path at(path + file);
      std::filesystem::create_directories(at.parent_path());
      std::ofstream(at) << text;
    }
  }
  ~Root() { std::filesystem::remove_all(path); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  std::string path;
};

const std::string kMounts2 =
    "24 30 0:22 / /proc rw,nosuid shared:12 - proc proc rw\n"
    "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

std::optional<double> quota_v2(const std::string& group,
                               const std::map<std::string, std::string>& more) {
  std::map<std::string, std::string> files = more;
  files["/proc/self/mountinfo"] = kMounts2;
  files["/proc/self/cgroup"] = "0::" + group + "\n";
  return cpu_quota(Root(files).path);
}

}  // namespace

TEST_CASE("cpus: the quota of version 2, the process' own and those around it") {
  CHECK_FALSE(quota_v2("/", {}).has_value());
  CHECK_FALSE(quota_v2("/", {{"/sys/fs/cgroup/cpu.max", "max 100000\n"}}).has_value());
  CHECK(quota_v2("/", {{"/sys/fs/cgroup/cpu.max", "150000 100000\n"}}) == 1.5);
  CHECK(quota_v2("/", {{"/sys/fs/cgroup/cpu.max", "20000 40000\n"}}) == 0.5);
  const std::string pod = "/sys/fs/cgroup/kubepods/pod1";
  CHECK(quota_v2("/kubepods/pod1/c", {{pod + "/c/cpu.max", "300000 100000\n"}}) == 3);
  CHECK(quota_v2("/kubepods/pod1/c", {{pod + "/c/cpu.max", "300000 100000\n"},
                                      {pod + "/cpu.max", "200000 100000\n"}}) == 2);
  CHECK(quota_v2("/kubepods/pod1/c", {{pod + "/c/cpu.max", "max 100000\n"},
                                      {"/sys/fs/cgroup/kubepods/cpu.max", "100000 100000\n"}}) ==
        1);
  // Another group's is nobody's business.
  CHECK_FALSE(
      quota_v2("/kubepods/pod1/c", {{"/sys/fs/cgroup/kubepods/pod2/cpu.max", "100000 100000\n"}})
          .has_value());
}

TEST_CASE("cpus: a container that has no view of cgroups of its own") {
  const Root root(
      {{"/proc/self/mountinfo", "35 24 0:30 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n"},
       {"/proc/self/cgroup", "0::/docker/ab\n"},
       {"/sys/fs/cgroup/cpu.max", "250000 100000\n"}});
  CHECK(cpu_quota(root.path) == 2.5);
}

TEST_CASE("cpus: the quota of version 1, wherever the cpu controller is mounted") {
  const std::string mounts =
      "30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "31 24 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:15 - cgroup cgroup rw,cpu,cpuacct\n"
      "32 24 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  const std::string folder = "/sys/fs/cgroup/cpu,cpuacct/a";
  const auto quota = [&](const char* us) {
    const Root root({{"/proc/self/mountinfo", mounts},
                     {"/proc/self/cgroup", "5:memory:/b\n4:cpu,cpuacct:/a\n0::/\n"},
                     {folder + "/cpu.cfs_quota_us", us},
                     {folder + "/cpu.cfs_period_us", "100000\n"}});
    return cpu_quota(root.path);
  };
  CHECK(quota("400000\n") == 4);
  CHECK(quota("50000\n") == 0.5);
  CHECK_FALSE(quota("-1\n").has_value());
  CHECK_FALSE(quota("0\n").has_value());
}

TEST_CASE("cpus: what cannot be read limits nothing") {
  CHECK_FALSE(cpu_quota(Root({}).path).has_value());
  for (const char* text : {"", "100000", "x y\n", "-1 100000\n", "100000 0\n", "max\n"}) {
    CAPTURE(text);
    CHECK_FALSE(quota_v2("/", {{"/sys/fs/cgroup/cpu.max", text}}).has_value());
  }
  for (const char* mounts : {"", "- cgroup2\n", "1 2 3 - cgroup2 x rw\n", " - - - - - -\n"}) {
    CAPTURE(mounts);
    CHECK_FALSE(
        cpu_quota(
            Root({{"/proc/self/mountinfo", mounts}, {"/proc/self/cgroup", "0\n0:\n::\n"}}).path)
            .has_value());
  }
}

TEST_CASE("cpus: workers are as many as cores, and as the quota has room for") {
  CHECK(default_workers(8, {}) == 8);
  CHECK(default_workers(8, 1.5) == 2);
  CHECK(default_workers(8, 0.1) == 1);
  CHECK(default_workers(2, 16) == 2);
  CHECK(default_workers(0, {}) == 1);
  CHECK(default_workers(1000, {}) == 256);
  CHECK(default_workers(64, 1e30) == 64);
}
