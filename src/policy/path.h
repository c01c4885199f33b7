#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "policy/pattern.h"

namespace sallyport::policy {

/// Loads up to eight bytes that need not be aligned.
template <typename Word>
[[nodiscard]] inline std::uint64_t load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// Hash of one level's text; a few instructions for eight bytes. It needs no secret: the table
/// that is searched with it holds the operator's words only, so that no client can crowd it.
[[nodiscard]] inline std::uint32_t hash_level(std::string_view text) {
  constexpr std::uint64_t kFactor = 0x9E37'79B9'7F4A'7C15;
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t hash = left;
  while (left > 8) {
    hash = (hash ^ load<std::uint64_t>(at)) * kFactor;
    hash ^= hash >> 29;
    at += 8;
    left -= 8;
  }
  std::uint64_t tail = 0;
  if (left >= 4) {
    tail = load<std::uint32_t>(at) | load<std::uint32_t>(at + left - 4) << 32;
  } else if (left != 0) {
    // First, middle and last byte: all of them, for one to three.
    tail = load<std::uint8_t>(at) | load<std::uint8_t>(at + left / 2) << 8 |
           load<std::uint8_t>(at + left - 1) << 16;
  }
  hash = (hash ^ tail) * kFactor;
  return static_cast<std::uint32_t>(hash >> 32);
}

/// A topic or filter cut into levels, each when it is first asked for, and once for all tries that
/// are walked with it. Owns nothing; on the stack of one verdict.
class Path {
 public:
  struct Level {
    const char* data;
    std::uint32_t size;
    std::uint32_t hash;
    FilterLevel::Kind kind;  // never pattern
    [[nodiscard]] std::string_view text() const { return {data, size}; }
  };

  /// `text` is a topic or filter of 1 to 65,535 bytes.
  explicit Path(std::string_view text) : rest_(written_out(text)), dollar_(text.front() == '$') {}
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  /// Does the path have a level `depth`? Asked for 0, 1, 2 ... up to kMaxFilterLevels.
  [[nodiscard]] bool has(std::uint32_t depth) {
    if (depth < count_) return true;
    if (done_) return false;
    cut();
    return true;
  }
  /// Level `depth`, of which has() said yes.
  [[nodiscard]] const Level& operator[](std::uint32_t depth) const { return levels_[depth]; }
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

  void cut() {
    const void* slash = std::memchr(rest_.data(), '/', rest_.size());
    Level& level = levels_[count_++];
    level.data = rest_.data();
    if (slash == nullptr) {
      level.size = static_cast<std::uint32_t>(rest_.size());
      done_ = true;
    } else {
      level.size = static_cast<std::uint32_t>(static_cast<const char*>(slash) - rest_.data());
      rest_.remove_prefix(level.size + std::size_t{1});
    }
    level.hash = hash_level(level.text());
    level.kind = FilterLevel::Kind::literal;
    if (level.size == 1) {
      if (*level.data == '+') level.kind = FilterLevel::Kind::plus;
      if (*level.data == '#') level.kind = FilterLevel::Kind::hash;
    }
  }

  std::string_view rest_;
  std::uint32_t count_ = 0;
  bool done_ = false;
  bool dollar_;
  // Not initialized: only the first count_ entries are read. One more than the deepest node, so
  // that a path which goes on behind it is told from one that ends there.
  std::array<Level, kMaxFilterLevels + 1> levels_;
};

}  // namespace sallyport::policy
