#pragma once

#include <cstdint>

/// This program replaces operator new and delete, and counts.
namespace sallyport::bench {

struct Allocations {
  std::uint64_t count = 0;  // so far
  std::int64_t live = 0;    // bytes that are not given back yet, as malloc rounded them
};
/// One thread only.
[[nodiscard]] Allocations allocations();

}  // namespace sallyport::bench
