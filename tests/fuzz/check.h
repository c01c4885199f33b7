#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

/// What a fuzz target says when an oracle is broken: libFuzzer keeps the input of a process that
/// aborts, and the replay fails with it.
namespace sallyport::fuzz {

[[noreturn]] inline void broken(std::string_view what, const std::source_location& at) {
  std::fprintf(stderr, "%s:%u: broken: %.*s\n", at.file_name(), static_cast<unsigned>(at.line()),
               static_cast<int>(what.size()), what.data());
  std::abort();
}

/// `what` says what must hold.
inline void must(bool holds, std::string_view what,
                 const std::source_location& at = std::source_location::current()) {
  if (!holds) [[unlikely]] {
    broken(what, at);
  }
}

}  // namespace sallyport::fuzz
