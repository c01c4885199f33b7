#include "config/characters.h"

#include <doctest/doctest.h>

namespace sallyport::config {
namespace {

/// All characters of printable ASCII that a set has.
std::string members(std::string_view text) {
  const auto set = parse_characters(text);
  if (!set) return "error: " + set.error();
  std::string found;
  for (int c = 0; c < 256; ++c) {
    if (set->contains(static_cast<char>(c))) found += static_cast<char>(c);
  }
  return found;
}

TEST_CASE("a set of characters is what its text says") {
  CHECK(members("a") == "a");
  CHECK(members("cab") == "abc");
  CHECK(members("a-e") == "abcde");
  CHECK(members("3-3") == "3");
  CHECK(members("A-CX-Z0-2") == "012ABCXYZ");
  CHECK(members("aa-ca") == "abc");
  CHECK(members("-") == "-");
  CHECK(members("--") == "-");
  CHECK(members("-a") == "-a");
  CHECK(members("a-") == "-a");
  CHECK(members("-a-c-") == "-abc");
  CHECK(members("a-c-") == "-abc");
  CHECK(members("+#/ ~^]\\[") == " #+/[\\]^~");
  CHECK(members("A-Za-z0-9._:-").size() == 26 + 26 + 10 + 4);
  CHECK(members("anyb") == "abny");
}

TEST_CASE("any: all of them") {
  CHECK(members("any").size() == 256);
  CHECK(parse_characters("any") == Characters());
}

TEST_CASE("what could be read in two ways, or is a slip of the pen, is an error") {
  struct Row {
    const char* text;
    const char* error;
  };
  for (const auto& [text, error] : {
           Row{"", "names no character"},
           Row{"A-z", "range \"A-z\""},
           Row{"a-Z", "range \"a-Z\""},
           Row{"0-z", "range \"0-z\""},
           Row{"!-~", "range \"!-~\""},
           Row{"+-.", "range \"+-.\""},
           Row{"z-a", "runs backwards"},
           Row{"9-0", "runs backwards"},
           Row{"a-c-e", "neither first, nor last"},
           Row{"--a", "neither first, nor last"},
           Row{"a--", "range \"a--\""},
           Row{"a\tb", "printable"},
           Row{"a-\x7F", "printable"},
           Row{"\xC3\xA4", "printable"},
           Row{"a-\xC3\xA4", "printable"},
       }) {
    CAPTURE(text);
    CHECK(members(text).starts_with("error: "));
    CHECK(members(text).find(error) != std::string::npos);
  }
}

}  // namespace
}  // namespace sallyport::config
