#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>

#include "sallyport/bytes.h"

namespace sallyport::fuzz {

/// Takes decisions off the front of a fuzzer's input. What is asked beyond its end is 0, so every
/// input means something and a prefix of an input means the beginning of the same.
class Input {
 public:
  explicit Input(Bytes bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::uint8_t u8() {
    if (rest_.empty()) return 0;
    const std::uint8_t byte = rest_[0];
    rest_ = rest_.subspan(1);
    return byte;
  }
  /// One of so many choices.
  [[nodiscard]] std::size_t below(std::size_t n) { return u8() % n; }
  [[nodiscard]] bool flag() { return (u8() & 1) != 0; }
  [[nodiscard]] Bytes take(std::size_t n) {
    const Bytes taken = rest_.first(std::min(n, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  [[nodiscard]] Bytes rest() const { return rest_; }

 private:
  Bytes rest_;
};

/// Bytes in memory of their own and of exactly their size, so that AddressSanitizer sees a read
/// past their end.
class Exact {
 public:
  explicit Exact(Bytes bytes) : data_(new std::uint8_t[bytes.size()]), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), data_.get());
  }
  [[nodiscard]] Bytes bytes() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t size_;
};

}  // namespace sallyport::fuzz
