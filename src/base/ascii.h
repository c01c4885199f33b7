#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// Eight or sixteen bytes of text at a time. Nearly all that MQTT carries as text is printable
/// ASCII, and for that these few operations replace as many turns of a loop.
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

/// Has the top bit of some byte set unless all eight are U+0020 to U+007E.
[[nodiscard]] constexpr std::uint64_t not_printable(std::uint64_t word) {
  // A byte that has the bit itself, 0x7F + 1, and anything below 0x20 less 0x20. A borrow goes on
  // into a neighbour only where the answer is no already.
  return (word | (word + kOnes) | (word - kOnes * 0x20)) & kTops;
}

/// Sixteen bytes in one register of the machine; every operation works byte by byte, and comparing
/// gives 0 or -1. A vector type of GCC and Clang, so it needs no intrinsics of one processor.
using Block = std::int8_t __attribute__((vector_size(16)));
using Unsigned = std::uint8_t __attribute__((vector_size(16)));
using Halves = std::uint64_t __attribute__((vector_size(16)));

[[nodiscard]] inline Block load_block(const unsigned char* from) {
  Block block{};
  std::memcpy(&block, from, sizeof block);
  return block;
}

/// A whole text of 1 to 15 bytes that ends at `end`, filled up.
[[nodiscard]] inline Block load_short(const unsigned char* end, std::size_t size) {
  Halves halves{kFiller, kFiller};
  if (size >= 8) {
    halves[0] = load(end - size);
    if (size > 8) halves[1] = load_tail(end, size - 8, size);
  } else {
    halves[0] = load_tail(end, size, size);
  }
  return reinterpret_cast<Block>(halves);
}

/// -1 in the last `count` (0 to 16) bytes, else 0.
[[nodiscard]] inline Block last(std::size_t count) {
  constexpr Block kPlaces{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return kPlaces > static_cast<std::int8_t>(15 - static_cast<std::ptrdiff_t>(count));
}

/// Is any byte not 0?
[[nodiscard]] inline bool any(Block block) {
  const auto halves = reinterpret_cast<Halves>(block);
  return (halves[0] | halves[1]) != 0;
}

/// The sum of all bytes, which must be less than 256.
[[nodiscard]] inline std::size_t sum(Block block) {
  const auto halves = reinterpret_cast<Halves>(block);
  return static_cast<std::size_t>((halves[0] + halves[1]) * kOnes >> 56);
}

}  // namespace sallyport::mqtt::ascii
