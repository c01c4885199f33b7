#include <random>
#include <string>

#include <doctest/doctest.h>

#include "sallyport/framer.h"

#include "samples.h"

/// However a stream is cut, the answer is the same; and what is asked for is exactly what helps.
namespace sallyport::mqtt::test {

namespace {

using Status = FrameResult::Status;

FrameResult ask(std::string_view bytes, Side from, Version version) {
  const Exact in(bytes);
  FrameResult result = next_frame(in.bytes(), rules(from, version));
  result.frame.head = {};  // `in` goes away
  return result;
}

bool same(const FrameResult& a, const FrameResult& b) {
  if (a.status != b.status) return false;
  switch (a.status) {
    case Status::need_more:
      return a.needed == b.needed;
    case Status::frame:
      return a.frame.header.total() == b.frame.header.total() &&
             a.frame.payload_size == b.frame.payload_size;
    default:
      return a.error.check == b.error.check && a.error.reason == b.error.reason;
  }
}

/// Asks for every prefix; false where an answer contradicts an earlier one.
bool is_consistent(std::string_view bytes, Side from, Version version) {
  FrameResult last = ask({}, from, version);
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    const FrameResult now = ask(bytes.substr(0, size), from, version);
    if (last.status != Status::need_more) {
      if (!same(now, last)) return false;  // an answer stands
    } else if (size < last.needed) {
      if (!same(now, last)) return false;  // less than was asked for does not help
    } else if (now.status == Status::need_more && now.needed <= size) {
      return false;
    }
    last = now;
  }
  return true;
}

}  // namespace

TEST_CASE("every packet type, cut at every place: never malformed, never too much asked for") {
  for (const Sample& sample : samples()) {
    CAPTURE(sample.what);
    CAPTURE(to_string(sample.version));
    const bool publish = (static_cast<unsigned>(sample.bytes[0]) & 0xF0U) == 0x30U;
    const FrameResult whole = ask(sample.bytes, sample.from, sample.version);
    REQUIRE(whole.status == Status::frame);
    CHECK(whole.frame.header.total() == sample.bytes.size());
    const std::size_t head = sample.bytes.size() - whole.frame.payload_size;
    std::size_t wrong = 0;
    for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
      const FrameResult result = ask(sample.bytes.substr(0, size), sample.from, sample.version);
      if (size >= head) {
        wrong += !same(result, whole);
        continue;
      }
      wrong += result.status != Status::need_more || result.needed <= size || result.needed > head;
      // Once the fixed header is there, everything but a PUBLISH is asked for as a whole.
      if (!publish && size >= whole.frame.header.size) wrong += result.needed != head;
    }
    CHECK(wrong == 0);
    CHECK(is_consistent(sample.bytes, sample.from, sample.version));
    // What follows is not looked at.
    CHECK(same(ask(sample.bytes + "\xFF\xFF\xFF", sample.from, sample.version), whole));
  }
}

TEST_CASE("every sample decodes") {
  for (const Sample& sample : samples()) {
    CAPTURE(sample.what);
    CAPTURE(to_string(sample.version));
    CHECK(outcome(sample.bytes, sample.from, sample.version) == "ok");
  }
}

TEST_CASE("packets with broken bytes: one answer however they are cut, and no read beyond them") {
  std::mt19937 random(20'240'601);
  const auto below = [&random](std::size_t n) { return random() % n; };
  std::size_t inconsistent = 0;
  std::size_t refused = 0;
  std::size_t rounds = 0;
  for (const Sample& sample : samples()) {
    if (sample.bytes.size() > 400) continue;
    for (int i = 0; i < 150; ++i, ++rounds) {
      std::string bytes = sample.bytes;
      for (std::size_t n = 1 + below(3); n != 0; --n) {
        const std::size_t at = below(bytes.size());
        switch (below(4)) {
          case 0:
            bytes[at] = static_cast<char>(random());
            break;
          case 1:
            bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
            break;
          case 2:
            bytes.erase(at, 1 + below(3));
            break;
          default:
            bytes.insert(at, 1, static_cast<char>(random()));
            break;
        }
        if (bytes.empty()) bytes = "\x30";
      }
      inconsistent += !is_consistent(bytes, sample.from, sample.version);
      refused += outcome(bytes, sample.from, sample.version) != "ok";
    }
  }
  CHECK(inconsistent == 0);
  CHECK(refused > rounds / 2);
}

}  // namespace sallyport::mqtt::test
