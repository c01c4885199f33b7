#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// Eight bytes of text at a time. Nearly all that MQTT carries as text is printable ASCII, and for
/// that these few operations replace the eight turns of a loop.
namespace sallyport::mqtt::ascii {

inline constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
inline constexpr std::uint64_t kTops = kOnes * 0x80;
/// A printable character that means nothing in a topic.
inline constexpr std::uint64_t kFiller = kOnes * 'a';

[[nodiscard]] inline std::uint64_t load(const unsigned char* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// The last `count` (1 to 7) bytes of a text of `size` bytes that ends at `end`, filled up.
[[nodiscard]] inline std::uint64_t load_tail(const unsigned char* end, std::size_t count,
                                             std::size_t size) {
  if constexpr (std::endian::native == std::endian::little) {
    // Without a copy of variable length, which would be a call.
    std::uint64_t word = 0;
    if (size >= 8) {
      word = load(end - 8) >> (8 * (8 - count));
    } else if (count >= 4) {
      std::uint32_t low = 0;
      std::uint32_t high = 0;
      std::memcpy(&low, end - count, 4);
      std::memcpy(&high, end - 4, 4);
      word = low | std::uint64_t{high} << (8 * (count - 4));
    } else {
      // One to three bytes: the first, the middle one and the last name all of them.
      const std::size_t middle = count / 2;
      word = end[-static_cast<std::ptrdiff_t>(count)] |
             std::uint64_t{*(end - count + middle)} << (8 * middle) |
             std::uint64_t{end[-1]} << (8 * (count - 1));
    }
    return word | kFiller << (8 * count);
  } else {
    std::uint64_t word = kFiller;
    std::memcpy(&word, end - count, count);
    return word;
  }
}

/// Nothing but U+0020 to U+007E?
[[nodiscard]] constexpr bool is_plain(std::uint64_t word) {
  // The top bit is set by a byte that has it, by 0x7F + 1 and by anything below 0x20 less 0x20. A
  // borrow goes on into a neighbour only where the answer is no already.
  return ((word | (word + kOnes) | (word - kOnes * 0x20)) & kTops) == 0;
}

/// Neither `+` nor `#`? Of a plain word only.
[[nodiscard]] constexpr bool has_no_wildcard(std::uint64_t word) {
  static_assert(('+' & ~0x08) == '#');
  return ((((word & ~(kOnes * 0x08)) ^ kOnes * '#') - kOnes) & kTops) == 0;
}

/// How many `/`. Of a plain word only.
[[nodiscard]] constexpr unsigned count_slashes(std::uint64_t word) {
  const std::uint64_t others = ((word ^ kOnes * '/') + kOnes * 0x7F) & kTops;
  return static_cast<unsigned>(((others ^ kTops) >> 7) * kOnes >> 56);
}

}  // namespace sallyport::mqtt::ascii
