#include "observe/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>

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

void JsonWriter::key(std::string_view name) {
  separate();
  out_ += '"';
  out_ += name;
  out_ += "\":";
  first_ = true;
}

void JsonWriter::text(std::string_view value) {
  separate();
  out_ += '"';
  while (!value.empty()) {
    std::size_t run = 0;
    while (run < value.size() && is_plain(value[run])) ++run;
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
