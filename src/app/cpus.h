#pragma once

#include <cstddef>
#include <optional>
#include <string>

/// How much of the machine this process may use.
namespace sallyport::app {

/// Cores' worth of time that the cgroups of this process leave it: the least of its own quota and
/// of those around it, cpu.max of version 2 or cpu.cfs_quota_us of version 1; none: they limit
/// nothing, or cannot be read. `root`: where proc and the cgroups' file systems are looked for; "":
/// this machine.
[[nodiscard]] std::optional<double> cpu_quota(const std::string& root = "");

/// Workers where the configuration says nothing: one for each core that this process may run on,
/// and no more than its quota rounded up, because a worker beyond that would only make all of them
/// wait for the next period. At least 1.
[[nodiscard]] std::size_t default_workers(std::size_t cores, std::optional<double> quota);

}  // namespace sallyport::app
