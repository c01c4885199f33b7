#pragma once

#include <cstdint>

/// Counts what the program allocates by operator new, which allocations.cc replaces. For programs
/// of their own: what replaces operator new stays apart from what the sanitizers are to watch.
namespace allocations {

/// So far, by all threads but those that are left out.
[[nodiscard]] std::uint64_t count();
/// From here on what this thread allocates is not counted.
void leave_this_thread_out();

}  // namespace allocations
