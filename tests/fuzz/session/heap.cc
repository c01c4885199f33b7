#include "heap.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#include <malloc.h>

namespace {

// operator new has no object that could hold these.
bool counting = false;
std::ptrdiff_t held = 0;
std::ptrdiff_t peak = 0;

void* allocate(std::size_t size) noexcept {
  void* const at = std::malloc(size);
  if (counting && at != nullptr) {
    held += static_cast<std::ptrdiff_t>(malloc_usable_size(at));
    peak = std::max(peak, held);
  }
  return at;
}

void* allocate_or_throw(std::size_t size) {
  void* const at = allocate(size);
  if (at == nullptr) throw std::bad_alloc();
  return at;
}

void release(void* at) noexcept {
  if (at == nullptr) return;
  if (counting) held -= static_cast<std::ptrdiff_t>(malloc_usable_size(at));
  std::free(at);
}

}  // namespace

// All that is not aligned by hand: what one of these makes another may delete.
void* operator new(std::size_t size) { return allocate_or_throw(size); }
void* operator new[](std::size_t size) { return allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* at) noexcept { release(at); }
void operator delete[](void* at) noexcept { release(at); }
void operator delete(void* at, std::size_t) noexcept { release(at); }
void operator delete[](void* at, std::size_t) noexcept { release(at); }
void operator delete(void* at, const std::nothrow_t&) noexcept { release(at); }
void operator delete[](void* at, const std::nothrow_t&) noexcept { release(at); }

namespace sallyport::fuzz {

HeapScope::HeapScope() : outer_(std::exchange(counting, true)) {}
HeapScope::~HeapScope() { counting = outer_; }
NoHeapScope::NoHeapScope() : outer_(std::exchange(counting, false)) {}
NoHeapScope::~NoHeapScope() { counting = outer_; }

void heap_reset() { held = peak = 0; }
std::ptrdiff_t heap_held() { return held; }
std::ptrdiff_t heap_peak() { return peak; }
void heap_reset_peak() { peak = held; }

}  // namespace sallyport::fuzz
