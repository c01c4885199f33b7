#pragma once

#include <cstdint>
#include <string>

namespace sallyport {

/// Where in which file something was written; line and column count from 1. Line 0: the file as a
/// whole, or nowhere.
struct Origin {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

}  // namespace sallyport
