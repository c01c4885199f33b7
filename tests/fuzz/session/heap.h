#pragma once

#include <cstddef>

/// Counts what a session allocates: operator new and delete are replaced in the program that links
/// this. Apart from what the sanitizers see, nothing changes.
namespace sallyport::fuzz {

/// While one exists, what is allocated and freed is the session's.
class HeapScope {
 public:
  HeapScope();
  ~HeapScope();
  HeapScope(const HeapScope&) = delete;
  HeapScope& operator=(const HeapScope&) = delete;

 private:
  bool outer_;
};

/// Inside a HeapScope: what is allocated and freed is not the session's after all.
class NoHeapScope {
 public:
  NoHeapScope();
  ~NoHeapScope();
  NoHeapScope(const NoHeapScope&) = delete;
  NoHeapScope& operator=(const NoHeapScope&) = delete;

 private:
  bool outer_;
};

void heap_reset();
/// Bytes held now, and the most since heap_reset_peak().
[[nodiscard]] std::ptrdiff_t heap_held();
[[nodiscard]] std::ptrdiff_t heap_peak();
void heap_reset_peak();

}  // namespace sallyport::fuzz
