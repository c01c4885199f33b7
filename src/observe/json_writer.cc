#include "observe/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "observe/printable.h"

namespace sallyport::observe {

namespace {

/// Bytes that stand in a JSON string as they are and need no second look. A table, because nearly
/// all that a line costs is this question.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7F; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();
bool is_plain(char c) { return kPlain[static_cast<unsigned char>(c)]; }

/// Are eight bytes all of them plain? Asked of a whole word at a time, as most texts are.
bool is_plain(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
  constexpr std::uint64_t kHigh = kOnes * 0x80;
  // The high bit of a byte is set where that byte is 0.
  const auto zeros = [](std::uint64_t x) { return (x - kOnes) & ~x; };
  const std::uint64_t bad = ((word - kOnes * 0x20) & ~word) | zeros(word ^ kOnes * '"') |
                            zeros(word ^ kOnes * '\\') | zeros(word ^ kOnes * 0x7F) | word;
  return (bad & kHigh) == 0;
}

/// How many bytes at the beginning of `text` are plain.
std::size_t plain_run(std::string_view text) {
  std::uint64_t word = 0;
  std::size_t run = 0;
  for (; text.size() - run >= sizeof word; run += sizeof word) {
    std::memcpy(&word, text.data() + run, sizeof word);
    if (!is_plain(word)) break;
  }
  // The rest of a word, together with what stands before it.
  if (text.size() >= sizeof word && text.size() - run < sizeof word) {
    std::memcpy(&word, text.data() + text.size() - sizeof word, sizeof word);
    if (is_plain(word)) return text.size();
  }
  while (run < text.size() && is_plain(text[run])) ++run;
  return run;
}

void append_special(std::string& out, const CodePoint& next, std::string_view bytes) {
  constexpr std::string_view kShort = "\b\t\n\f\r\"\\";
  constexpr std::string_view kNames = "btnfr\"\\";
  if (!next.valid) {
    out += "\xEF\xBF\xBD";
  } else if (const auto at = next.code < 0x80 ? kShort.find(static_cast<char>(next.code))
                                              : std::string_view::npos;
             at != std::string_view::npos) {
    out += '\\';
    out += kNames[at];
  } else if (is_hidden(next.code)) {
    append_escape(out, next.code);
  } else {
    out += bytes;
  }
}

}  // namespace

void JsonWriter::separate() {
  if (!first_) out_ += ',';
  first_ = false;
}

void JsonWriter::begin(char bracket) {
  separate();
  out_ += bracket;
  first_ = true;
}

void JsonWriter::end(char bracket) {
  out_ += bracket;
  first_ = false;
}

/// Appends a text that needs no escapes, in quotes, with what stands before and behind it, in one
/// step: there are fifty of these in a line.
template <bool kIsKey>
void JsonWriter::quoted(std::string_view text) {
  const std::size_t comma = first_ ? 0 : 1;
  const std::size_t before = out_.size();
  const std::size_t after = before + comma + text.size() + (kIsKey ? 3 : 2);
  out_.resize_and_overwrite(after, [&](char* to, std::size_t) {
    to += before;
    *to = ',';  // where there is none, the quote takes its place
    to += comma;
    *to++ = '"';
    to = std::ranges::copy(text, to).out;  // of an empty text there may be no address
    *to++ = '"';
    if (kIsKey) *to = ':';
    return after;
  });
  first_ = kIsKey;
}

void JsonWriter::key(std::string_view name) { quoted<true>(name); }

void JsonWriter::word(std::string_view value) { quoted<false>(value); }

void JsonWriter::text(std::string_view value) {
  std::size_t run = plain_run(value);
  if (run == value.size()) return quoted<false>(value);
  separate();
  out_ += '"';
  for (;; run = plain_run(value)) {
    out_ += value.substr(0, run);
    value.remove_prefix(run);
    if (value.empty()) break;
    const CodePoint next = first_code_point(value);
    append_special(out_, next, value.substr(0, next.size));
    value.remove_prefix(next.size);
  }
  out_ += '"';
}

void JsonWriter::number(std::uint64_t value) {
  separate();
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out_.append(digits.data(), end.ptr);
}

void JsonWriter::real(double value) {
  separate();
  if (!std::isfinite(value)) {
    out_ += "null";
    return;
  }
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out_.append(digits.data(), end.ptr);
}

void JsonWriter::thousandths(std::uint64_t value) {
  number(value / 1000);
  const std::uint64_t rest = value % 1000;
  out_ += '.';
  out_ += static_cast<char>('0' + rest / 100);
  if (rest % 100 == 0) return;
  out_ += static_cast<char>('0' + rest / 10 % 10);
  if (rest % 10 != 0) out_ += static_cast<char>('0' + rest % 10);
}

void JsonWriter::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
}

}  // namespace sallyport::observe
