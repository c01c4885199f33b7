#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport {

/// The key of a hash that clients must not be able to foresee: random, made by whoever starts.
using HashKey = std::array<std::uint64_t, 2>;

/// SipHash-2-4 of Aumasson and Bernstein: 64 bits of a text under a key of 128. Who does not know
/// the key finds no two texts with one hash but by chance.
[[nodiscard]] inline std::uint64_t siphash(const HashKey& key, std::string_view text) {
  std::uint64_t v0 = key[0] ^ 0x736f6d6570736575;
  std::uint64_t v1 = key[1] ^ 0x646f72616e646f6d;
  std::uint64_t v2 = key[0] ^ 0x6c7967656e657261;
  std::uint64_t v3 = key[1] ^ 0x7465646279746573;
  const auto round = [&] {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  };
  const auto take = [&](std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  };
  /// Up to eight bytes as a number, the first one lowest.
  const auto load = [](std::string_view bytes) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    return word;
  };
  std::string_view rest = text;
  for (; rest.size() >= 8; rest.remove_prefix(8)) take(load(rest.substr(0, 8)));
  take(load(rest) | std::uint64_t{text.size()} << 56);
  v2 ^= 0xFF;
  for (int i = 0; i < 4; ++i) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace sallyport
