#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "sallyport/rate.h"
#include "sallyport/time.h"

/// Numbers with units, as operators write them. A number without its unit is never guessed at.
/// The error is half a sentence that follows the value: "has no unit", "has the unknown unit ...".
namespace sallyport::config {

/// "512 B", "64 KiB", "1 MiB", "2 GiB", "4 KB", "4 MB", "1 GB" in bytes.
[[nodiscard]] std::expected<std::uint64_t, std::string> parse_size(std::string_view text);

/// "500 ms", "10 s", "20 min", "1 h", "2 d".
[[nodiscard]] std::expected<Duration, std::string> parse_duration(std::string_view text);

/// "20/s", "100/min", "1/h": how many of something in a time.
[[nodiscard]] std::expected<Rate, std::string> parse_rate(std::string_view text);

/// "64 KiB/s", "1 MiB/min": how many bytes in a time.
[[nodiscard]] std::expected<Rate, std::string> parse_byte_rate(std::string_view text);

/// The other way round, in the largest unit that needs no fraction: "64 KiB", "1 min".
[[nodiscard]] std::string format_size(std::uint64_t bytes);
[[nodiscard]] std::string format_duration(Duration duration);
/// Of messages: "20/s".
[[nodiscard]] std::string format_rate(const Rate& rate);

// GCRA works in nanoseconds: these keep every product of a rate and a burst inside 64 bits.
inline constexpr std::uint64_t kMostMessages = 1'000'000'000;
inline constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40U;

}  // namespace sallyport::config
