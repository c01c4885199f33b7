#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "sallyport/bytes.h"

namespace sallyport::differential {

/// Bytes in memory that ends where they end, so that AddressSanitizer sees every read beyond.
class Input {
 public:
  explicit Input(std::string_view digits)
      : size_(digits.size() / 2), data_(new std::uint8_t[digits.size() / 2]) {
    if (digits.size() % 2 != 0) throw std::invalid_argument("an odd number of digits");
    for (std::size_t i = 0; i < size_; ++i) {
      data_[i] = static_cast<std::uint8_t>(digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]));
    }
  }
  [[nodiscard]] Bytes bytes() const { return {data_.get(), size_}; }

 private:
  static unsigned digit(char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto at = kDigits.find(c);
    if (at == std::string_view::npos) throw std::invalid_argument("not a hexadecimal digit");
    return static_cast<unsigned>(at);
  }

  std::size_t size_;
  std::unique_ptr<std::uint8_t[]> data_;
};

}  // namespace sallyport::differential
