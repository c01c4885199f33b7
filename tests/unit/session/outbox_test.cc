#include "sallyport/outbox.h"

#include <string>

#include <doctest/doctest.h>

using namespace sallyport;

namespace {

std::string all(const Outbox& out) {
  std::string text;
  for (const Bytes segment : out.segments()) text += as_text(segment);
  return text;
}

}  // namespace

TEST_CASE("neighbours merge, so what is allowed leaves in one segment") {
  const std::string input = "abcdef";
  Outbox out;
  out.reference(as_bytes(input).subspan(0, 2));
  out.reference(as_bytes(input).subspan(2, 3));
  CHECK(out.segments().size() == 1);
  out.copy(as_bytes("-own-"));
  out.reference(as_bytes(input).subspan(5));
  CHECK(out.segments().size() == 3);
  CHECK(all(out) == "abcde-own-f");
  CHECK(out.size() == 11);
}

TEST_CASE("copies stay where they are while more are added") {
  Outbox out;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 97 + 1), static_cast<char>('a' + i % 26));
    out.copy(as_bytes(piece));
    expected += piece;
  }
  const std::string large(100'000, 'L');
  out.copy(as_bytes(large));
  expected += large;
  CHECK(all(out) == expected);
  out.clear();
  CHECK(out.empty());
  CHECK(out.segments().empty());
}
