#include "observe/log.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "observe/printable.h"
#include "support.h"

namespace sallyport::observe {

namespace {

std::string with_zeros(std::string line) {
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; }, '0');
  return line;
}

}  // namespace

TEST_CASE("a line is time, level and text, and what is below the level is not written") {
  std::string text;
  {
    const testing::StderrText errors;
    const auto log = Log::open("warn");
    REQUIRE(log);
    (*log)->debug("one");
    (*log)->info("two");
    (*log)->warn("three {} %s");
    (*log)->error("four");
    text = errors.text();
  }
  const auto lines = testing::lines_of(text);
  REQUIRE(lines.size() == 2);
  CHECK(with_zeros(lines[0]) == "0000-00-00T00:00:00.000Z warning three {} %s");
  CHECK(with_zeros(lines[1]) == "0000-00-00T00:00:00.000Z error four");
}

TEST_CASE("nobody can forge a line") {
  std::string text;
  {
    const testing::StderrText errors;
    const auto log = Log::open("info");
    (*log)->info("file a\nb\r\x1B[31m\x7F");
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

TEST_CASE("a level that does not exist is answered with those that do") {
  for (const std::string_view level : {"", "warning", "INFO", "trace"}) {
    const auto log = Log::open(level);
    REQUIRE_FALSE(log);
    CHECK(log.error().find("debug, info, warn, error") != std::string::npos);
  }
}

}  // namespace sallyport::observe
