#pragma once

#include <cstdio>
#include <string_view>

namespace sallyport::cli {

/// Prints one line. What can't be written is lost: a command has nobody else to tell.
inline void put(std::string_view line, std::FILE* out) {
  std::fwrite(line.data(), 1, line.size(), out);
  std::fputc('\n', out);
}

}  // namespace sallyport::cli
