#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sallyport/topic.h"

#include "packets.h"

namespace sallyport::mqtt::test {

namespace {

/// Encodes without asking whether the code point may be encoded.
std::string encode(char32_t c) {
  const auto tail = [](char32_t bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(c)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(c >> 6), tail(c)};
  return {static_cast<char>(0xF0 | c >> 18), tail(c >> 12), tail(c >> 6), tail(c)};
}

bool discouraged(char32_t c) {
  return c <= 0x1F || (c >= 0x7F && c <= 0x9F) || (c >= 0xFDD0 && c <= 0xFDEF) ||
         (c & 0xFFFF) == 0xFFFE || (c & 0xFFFF) == 0xFFFF;
}

std::string verdict(std::string_view text, bool refuse_control) {
  const Exact exact(text);
  const auto bad = check_utf8(as_text(exact.bytes()), refuse_control);
  return bad ? std::string(to_string(*bad)) : "ok";
}

}  // namespace

TEST_CASE("[MQTT-1.5.4-1] [MQTT-1.5.3-1] every code point is judged as Unicode has it") {
  std::size_t wrong = 0;
  for (char32_t c = 1; c <= 0x10FFFF + 0x1000; ++c) {
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    const bool exists = c <= 0x10FFFF && !surrogate;
    const std::string text = encode(c);
    const std::string strict = !exists          ? "mqtt.utf8"
                               : discouraged(c) ? "mqtt.control-character"
                                                : "ok";
    const std::string lenient = exists ? "ok" : "mqtt.utf8";
    const auto strict_answer = check_utf8(text, true);
    const auto lenient_answer = check_utf8(text, false);
    wrong += (strict_answer ? std::string(to_string(*strict_answer)) : "ok") != strict;
    wrong += (lenient_answer ? std::string(to_string(*lenient_answer)) : "ok") != lenient;
  }
  CHECK(wrong == 0);
}

TEST_CASE("[MQTT-1.5.4-1] [MQTT-1.5.3-1] what is not well-formed is refused wherever it stands") {
  const std::vector<std::string> bad = {
      "\x80",              // a tail without a head
      "\xBF\xBF",          //
      "\xC0\x80",          // U+0000 in two bytes
      "\xC1\xBF",          // U+007F in two bytes
      "\xC3",              // cut off
      "\xC3(",             // a head without its tail
      "\xE0\x80\xAF",      // overlong `/`
      "\xE0\x9F\xBF",      // overlong U+07FF
      "\xE2\x82",          // cut off
      "\xE2(\xA1",         //
      "\xED\xA0\x80",      // surrogates
      "\xED\xBF\xBF",      //
      "\xF0\x80\x80\xAF",  // overlong in four bytes
      "\xF0\x8F\xBF\xBF",  //
      "\xF0\x9F\x98",      // cut off
      "\xF4\x90\x80\x80",  // above U+10FFFF
      "\xF5\x80\x80\x80",  //
      "\xFE",              //
      "\xFF",              //
  };
  for (const std::string& part : bad) {
    for (std::size_t before = 0; before < 20; ++before) {
      for (std::size_t behind = 0; behind < 20; ++behind) {
        const std::string text = std::string(before, 'a') + part + std::string(behind, 'z');
        CAPTURE(before);
        CAPTURE(behind);
        CHECK(verdict(text, true) == "mqtt.utf8");
        CHECK(verdict(text, false) == "mqtt.utf8");
      }
    }
  }
}

TEST_CASE("[MQTT-1.5.4-2] [MQTT-1.5.3-2] U+0000 is refused even where control characters pass") {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'q');
      text[at] = '\0';
      CHECK(verdict(text, true) == "mqtt.utf8");
      CHECK(verdict(text, false) == "mqtt.utf8");
    }
  }
}

TEST_CASE("1.5.4: every byte at every place of an ASCII string, eight at a time or not") {
  std::size_t wrong = 0;
  for (std::size_t size = 1; size < 26; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int c = 1; c < 0x80; ++c) {
        std::string text(size, '~');
        text[at] = static_cast<char>(c);
        const bool control = c < 0x20 || c == 0x7F;
        wrong += verdict(text, true) != (control ? "mqtt.control-character" : "ok");
        wrong += verdict(text, false) != "ok";
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("[MQTT-1.5.4-3] [MQTT-1.5.3-3] U+FEFF is a character like any other") {
  CHECK(verdict("\xEF\xBB\xBFplant", true) == "ok");
  CHECK(verdict("plant\xEF\xBB\xBF", true) == "ok");
}

TEST_CASE("1.5.4: strings of all scripts pass, and the empty one") {
  for (const char* text : {"", "температура/насос", "温度/二号", "🌡/42", "ä", "/ü/", "a😀b/c"}) {
    CHECK(verdict(text, true) == "ok");
  }
  std::string longest;
  while (longest.size() < 65'000) longest += "aé温🌡";
  CHECK(verdict(longest, true) == "ok");
}

}  // namespace sallyport::mqtt::test
