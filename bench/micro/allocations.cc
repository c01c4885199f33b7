#include "bench/micro/allocations.h"

#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

// Constant initialization: operator new is called before main().
sallyport::bench::Allocations counted;

void* allocate(std::size_t size) {
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  ++counted.count;
  counted.live += static_cast<std::int64_t>(malloc_usable_size(memory));
  return memory;
}

void release(void* memory) {
  if (memory == nullptr) return;
  counted.live -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

// Nothing here is over-aligned; the aligned forms stay as they are.
void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }

namespace sallyport::bench {

Allocations allocations() { return counted; }

}  // namespace sallyport::bench
