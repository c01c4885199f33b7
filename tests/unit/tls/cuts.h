#pragma once

#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "pair.h"

namespace sallyport::tls::test {

/// Always the same number of bytes.
class Every final : public Cut {
 public:
  explicit Every(std::size_t n) : n_(n) {}
  std::size_t next() override { return n_; }

 private:
  std::size_t n_;
};

/// 1 to `most` bytes, from a fixed seed.
class Randomly final : public Cut {
 public:
  Randomly(std::uint32_t seed, std::size_t most) : random_(seed), size_(1, most) {}
  std::size_t next() override { return size_(random_); }

 private:
  std::mt19937 random_;
  std::uniform_int_distribution<std::size_t> size_;
};

/// The first piece has n bytes, the second one is the rest.
class Once final : public Cut {
 public:
  explicit Once(std::size_t n) : n_(n) {}
  std::size_t next() override { return std::exchange(n_, std::numeric_limits<std::size_t>::max()); }

 private:
  std::size_t n_;
};

[[nodiscard]] inline std::vector<std::uint8_t> noise(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

}  // namespace sallyport::tls::test
