#include "config/units.h"

#include <chrono>

#include <doctest/doctest.h>

namespace sallyport::config {
namespace {

using namespace std::chrono_literals;

TEST_CASE("sizes") {
  CHECK(parse_size("0 B") == 0U);
  CHECK(parse_size("512 B") == 512U);
  CHECK(parse_size("64 KiB") == 65536U);
  CHECK(parse_size("64KiB") == 65536U);
  CHECK(parse_size("  1   MiB ") == 1048576U);
  CHECK(parse_size("2 GiB") == 2147483648U);
  CHECK(parse_size("4 KB") == 4000U);
  CHECK(parse_size("4 kB") == 4000U);
  CHECK(parse_size("4 MB") == 4'000'000U);
  CHECK(parse_size("4 GB") == 4'000'000'000U);
  CHECK(parse_size("17179869183 GiB") == 18446744072635809792U);

  CHECK(parse_size("64").error() == "has no unit; units are B, KiB, MiB, GiB, KB, MB, GB");
  CHECK(parse_size("64 Kib").error().find("unknown unit \"Kib\"") != std::string::npos);
  CHECK(parse_size("64 K").error().find("unknown unit") != std::string::npos);
  CHECK(parse_size("64 KiB/s").error().find("unknown unit") != std::string::npos);
  CHECK(parse_size("1.5 MiB").error().find("fraction") != std::string::npos);
  CHECK(parse_size("1,5 MiB").error().find("fraction") != std::string::npos);
  CHECK(parse_size("").error() == "is empty");
  CHECK(parse_size("   ").error() == "is empty");
  CHECK(parse_size("KiB").error() == "does not begin with a number");
  CHECK(parse_size("-1 KiB").error() == "does not begin with a number");
  CHECK(parse_size("+1 KiB").error() == "does not begin with a number");
  CHECK(parse_size("0x10 B").error().find("unknown unit") != std::string::npos);
  CHECK(parse_size("17179869184 GiB").error() == "is too large");
  CHECK(parse_size("18446744073709551616 B").error() == "is too large");
  CHECK(parse_size("1 KiB x").error().find("unknown unit") != std::string::npos);
}

TEST_CASE("durations") {
  CHECK(parse_duration("500 ms") == 500ms);
  CHECK(parse_duration("10 s") == 10s);
  CHECK(parse_duration("10s") == 10s);
  CHECK(parse_duration("20 min") == 20min);
  CHECK(parse_duration("1 h") == 1h);
  CHECK(parse_duration("2 d") == 48h);
  CHECK(parse_duration("0 s") == 0s);

  CHECK(parse_duration("10").error() == "has no unit; units are ms, s, min, h, d");
  CHECK(parse_duration("10 m").error().find("unknown unit \"m\"") != std::string::npos);
  CHECK(parse_duration("10 S").error().find("unknown unit") != std::string::npos);
  CHECK(parse_duration("1 h 30 min").error().find("unknown unit") != std::string::npos);
  CHECK(parse_duration("106751 d").has_value());
  CHECK(parse_duration("106752 d").error() == "is too large");  // 2^63 nanoseconds
  CHECK(parse_duration("213504 d").error() == "is too large");  // 2^64 nanoseconds
}

TEST_CASE("rates") {
  const auto is = [](const auto& rate, std::uint64_t count, Duration per) {
    return rate && rate->count == count && rate->per == per;
  };
  CHECK(is(parse_rate("20/s"), 20, 1s));
  CHECK(is(parse_rate("100/min"), 100, 1min));
  CHECK(is(parse_rate("1 / h"), 1, 1h));
  CHECK(is(parse_byte_rate("64 KiB/s"), 65536, 1s));
  CHECK(is(parse_byte_rate("1 MiB / min"), 1048576, 1min));

  CHECK(parse_rate("20").error() == "says no time; end it with /s, /min or /h");
  CHECK(parse_rate("20/").error().find("unknown time \"\"") != std::string::npos);
  CHECK(parse_rate("20/sec").error().find("unknown time \"sec\"") != std::string::npos);
  CHECK(parse_rate("20/d").error().find("unknown time") != std::string::npos);
  CHECK(parse_rate("/s").error() == "is empty");
  CHECK(parse_rate("20 KiB/s").error().find("\"KiB\" between") != std::string::npos);
  CHECK(parse_rate("20/s/s").error().find("unknown time") != std::string::npos);
  CHECK(parse_byte_rate("64/s").error().find("has no unit") != std::string::npos);
  CHECK(parse_byte_rate("64 KiB").error().find("says no time") != std::string::npos);
  CHECK(parse_rate("99999999999999999999/s").error() == "is too large");
}

TEST_CASE("sizes and durations are shown in the largest whole unit") {
  CHECK(format_size(0) == "0 B");
  CHECK(format_size(1023) == "1023 B");
  CHECK(format_size(65536) == "64 KiB");
  CHECK(format_size(std::uint64_t{1} << 40U) == "1024 GiB");
  CHECK(format_duration(0s) == "0 ms");
  CHECK(format_duration(1500ms) == "1500 ms");
  CHECK(format_duration(600s) == "10 min");
  CHECK(format_duration(48h) == "2 d");
}

}  // namespace
}  // namespace sallyport::config
