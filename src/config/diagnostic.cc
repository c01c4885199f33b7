#include "config/diagnostic.h"

#include <algorithm>
#include <tuple>

namespace sallyport::config {

namespace {

/// Names of files and values may hold anything; a terminal must not obey it.
std::string printable(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    const bool c1 = byte == 0xC2 && next >= 0x80 && next < 0xA0;  // U+0080 to U+009F
    if (byte < 0x20 || byte == 0x7F || c1) {
      const unsigned value = c1 ? next : byte;
      result += "\\x";
      result += kDigits[value >> 4U];
      result += kDigits[value & 0x0FU];
      if (c1) ++i;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = printable(diagnostic.origin.file);
  if (diagnostic.origin.line != 0) {
    text += ":" + std::to_string(diagnostic.origin.line);
    if (diagnostic.origin.column != 0) text += ":" + std::to_string(diagnostic.origin.column);
  }
  text += (text.empty() ? "error: " : ": error: ") + printable(diagnostic.message);
  if (!diagnostic.hint.empty()) text += "\n  hint: " + printable(diagnostic.hint);
  return text;
}

void sort(Diagnostics& diagnostics) {
  std::sort(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.origin.file, a.origin.line, a.origin.column, a.message) <
           std::tie(b.origin.file, b.origin.line, b.origin.column, b.message);
  });
}

}  // namespace sallyport::config
