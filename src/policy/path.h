#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "policy/pattern.h"

/// Cuts topics and filters into levels, in few instructions, because every verdict does so.
namespace sallyport::policy {

/// Up to eight bytes, the first in the lowest place, as if zeros came behind the end.
[[nodiscard]] inline std::uint64_t load_word(const char* at, std::size_t left) {
  const auto load = [](const char* from, auto word) {
    std::memcpy(&word, from, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
    return std::uint64_t{word};
  };
  if (left >= 8) return load(at, std::uint64_t{});
  // Two loads that may overlap put four to seven, or two or three bytes together.
  if (left >= 4) {
    return load(at, std::uint32_t{}) | load(at + left - 4, std::uint32_t{}) << (left - 4) * 8;
  }
  if (left >= 2) {
    return load(at, std::uint16_t{}) | load(at + left - 2, std::uint16_t{}) << (left - 2) * 8;
  }
  return left == 1 ? load(at, std::uint8_t{}) : 0;
}

/// One level of a path.
struct Level {
  const char* data = nullptr;
  std::uint64_t first = 0;  // load_word() of its text
  std::uint32_t size = 0;
  /// Needs no secret: the table that is searched with it holds the operator's words only, so that
  /// no client can crowd it.
  std::uint32_t hash = 0;

  [[nodiscard]] std::string_view text() const { return {data, size}; }
  [[nodiscard]] bool is_wildcard() const { return size == 1 && (first == '+' || first == '#'); }
};

/// One step of the hash. Take the high half of the result: it depends on all bits of all words.
[[nodiscard]] inline std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  return (hash ^ word) * 0x9E37'79B9'7F4A'7C15;
}

/// Reads the first level of the text from `at` to `end`: up to the next `/`, or all of it. Returns
/// where the next level begins; returns null if there is none. Finds the slash and computes the
/// hash in one pass, eight bytes at a time.
[[nodiscard]] inline const char* take_level(const char* at, const char* end, Level& level) {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
  constexpr std::uint64_t kHighs = kOnes << 7;
  const char* const begin = at;
  std::uint64_t hash = 0;
  for (;;) {
    const auto left = static_cast<std::size_t>(end - at);
    std::uint64_t word = load_word(at, left);
    // The highest bit of each byte that is a slash; right for the lowest one, which is all it is
    // asked for.
    const std::uint64_t differs = word ^ kOnes * '/';
    const std::uint64_t slashes = (differs - kOnes) & ~differs & kHighs;
    const char* next = nullptr;
    if (slashes != 0) {
      word &= (slashes ^ (slashes - 1)) >> 8;  // what stands before the first slash
      at += static_cast<std::size_t>(std::countr_zero(slashes)) / 8;
      next = at + 1;
    } else if (left >= 8) {
      if (at == begin) level.first = word;
      hash = mix(hash, word);
      at += 8;
      continue;
    } else {
      at = end;
    }
    // A level of eight bytes, or sixteen and so on, ends in a word of nothing, be it before a slash
    // or at the end: its hash is the same.
    const auto size = static_cast<std::size_t>(at - begin);
    if (size < 8) level.first = word;
    level.hash = static_cast<std::uint32_t>(mix(hash, word) >> 32);
    level.data = begin;
    level.size = static_cast<std::uint32_t>(size);
    return next;
  }
}

/// A topic or filter. Each level is cut off when it is first asked for, and only once, however many
/// tries are walked with the path. Owns nothing; on the stack of one verdict.
class Path {
 public:
  /// `text` is a topic or filter of 1 to 65,535 bytes.
  explicit Path(std::string_view text) : dollar_(text.front() == '$') {
    text = written_out(text);
    rest_ = text.data();
    end_ = text.data() + text.size();
  }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  /// Returns whether the path has exactly `depth` levels. `depth` is 0, or one more than a level
  /// that at() was called for.
  [[nodiscard]] bool ends_at(std::uint32_t depth) const {
    return depth == count_ && rest_ == nullptr;
  }
  /// Level `depth` of a path that does not end there.
  [[nodiscard]] const Level& at(std::uint32_t depth) {
    if (depth == count_) rest_ = take_level(rest_, end_, levels_[count_++]);
    return levels_[depth];
  }
  /// Does it begin with `$`? [MQTT-4.7.2-1]
  [[nodiscard]] bool dollar() const { return dollar_; }

 private:
  /// There is no empty topic, so that these two match what they are written out to, and are
  /// contained by what contains that.
  [[nodiscard]] static std::string_view written_out(std::string_view text) {
    if (text.size() > 2 || !text.ends_with('#')) return text;
    if (text == "#") return "+/#";
    return text == "/#" ? "/+/#" : text;
  }

  const char* rest_;  // null: all levels are cut off
  const char* end_;
  std::uint32_t count_ = 0;
  bool dollar_;
  // Not initialized where Path is: only the first count_ entries are read.
  union {
    std::array<Level, kMaxFilterLevels> levels_;
  };
};

}  // namespace sallyport::policy
