#pragma once

namespace sallyport::cli {

/// What the process ends with; `--help` says the same.
inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kWrongUsage = 2;

}  // namespace sallyport::cli
