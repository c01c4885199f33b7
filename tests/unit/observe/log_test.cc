#include "observe/log.h"

#include <algorithm>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "observe/printable.h"
#include "support.h"

namespace sallyport::observe {

namespace {

using settings::LogFormat;
using settings::LogLevel;

std::string with_zeros(std::string line) {
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; }, '0');
  return line;
}

std::int64_t g_now = 0;  // NOLINT: a clock without a context
std::int64_t fake_now() { return g_now; }

}  // namespace

TEST_CASE("a line is time, level and text, and what is below the level is not written") {
  std::string text;
  {
    const testing::StderrText errors;
    const Log log({.level = LogLevel::warn});
    log.debug("one");
    log.info("two");
    log.warn("three {} %s");
    log.error("four");
    text = errors.text();
  }
  const auto lines = testing::lines_of(text);
  REQUIRE(lines.size() == 2);
  CHECK(with_zeros(lines[0]) == "0000-00-00T00:00:00.000Z warning three {} %s");
  CHECK(with_zeros(lines[1]) == "0000-00-00T00:00:00.000Z error four");
}

TEST_CASE("level and format can be changed while it is used") {
  std::string text;
  {
    const testing::StderrText errors;
    Log log({.level = LogLevel::error});
    log.debug("one");
    log.set({.level = LogLevel::debug, .format = LogFormat::json});
    CHECK(log.writes(LogLevel::debug));
    log.debug("two \"quoted\"\n\xE2\x80\xAE");
    log.set({.level = LogLevel::info});
    log.debug("three");
    log.info("four");
    text = errors.text();
  }
  const auto lines = testing::lines_of(text);
  REQUIRE(lines.size() == 2);
  const auto json = nlohmann::json::parse(lines[0]);
  CHECK(json["level"] == "debug");
  CHECK(json["text"] == "two \"quoted\"\n\xE2\x80\xAE");
  CHECK(lines[0].find("\\u202e") != std::string::npos);
  CHECK(with_zeros(json["time"]) == "0000-00-00T00:00:00.000Z");
  CHECK(lines[1].ends_with(" info four"));
}

TEST_CASE("more lines than may be are left out, counted, and said") {
  std::string text;
  std::uint64_t left_out = 0;
  {
    const testing::StderrText errors;
    g_now = 0;
    const Log log({.burst = 10, .per_second = 2}, fake_now);
    for (int i = 0; i < 100; ++i) log.info("flood");
    g_now += 1'000'000'000;
    for (int i = 0; i < 100; ++i) log.info("more");
    left_out = log.left_out();
    text = errors.text();
  }
  const auto lines = testing::lines_of(text);
  REQUIRE(lines.size() == 10 + 1 + 2);
  CHECK(left_out == 90 + 98);
  CHECK(lines[10].find("warning 90 lines were left out here") != std::string::npos);
  CHECK(lines[12].ends_with(" info more"));
}

TEST_CASE("nobody can forge a line") {
  std::string text;
  {
    const testing::StderrText errors;
    const Log log{settings::Log{}};
    log.info("file a\nb\r\x1B[31m\x7F");
    text = errors.text();
  }
  REQUIRE(testing::lines_of(text).size() == 1);
  CHECK(text.find("info file a\\x0ab\\x0d\\x1b[31m\\x7f\n") != std::string::npos);
}

TEST_CASE("nobody can disguise a line: what cannot be seen is spelt out") {
  CHECK(printable("a\xE2\x80\xAE\xE2\x80\xA8\xE2\x80\x8B\xEF\xBB\xBF\xC2\x9Bz") ==
        "a\\u202e\\u2028\\u200b\\ufeff\\u009bz");
  CHECK(printable("gr\xC3\xBC\xC3\x9F \xF0\x9F\x92\xA3") == "gr\xC3\xBC\xC3\x9F \xF0\x9F\x92\xA3");
  CHECK(printable("\xF3\xA0\x81\x81") == "\\udb40\\udc41");
  // What is not UTF-8, cut and overlong sequences among it.
  CHECK(printable("\xFF\xC3") == "\\xff\\xc3");
  CHECK(printable("\xC0\xAF") == "\\xc0\\xaf");
  CHECK(printable("\xED\xA0\x80") == "\\xed\\xa0\\x80");
  CHECK(printable("").empty());
}

}  // namespace sallyport::observe
