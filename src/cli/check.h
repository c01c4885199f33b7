#pragma once

#include <cstdio>
#include <string>

#include "config/load.h"

namespace sallyport::cli {

/// `sallyport check -c <gateway_path>`: 0 and one line on `out`, or 1 and every error on `err`.
/// Files are read and nothing is started. The streams stay the caller's.
[[nodiscard]] int check(const std::string& gateway_path, std::FILE* out, std::FILE* err);

/// All diagnostics one below the other, and how many there are. `run` and a reload print the same.
void print(const config::Diagnostics& diagnostics, std::FILE* err);

}  // namespace sallyport::cli
