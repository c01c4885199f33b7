#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "describe.h"
#include "make.h"

/// The decoders and encoders of the gateway, for a test that is written in another language: JSON
/// in, JSON out, a line each, in order.
///
///   {"do": "decode", "from": "client", "version": 5, "bytes": "c000"}   see describe.h
///   {"do": "connack", "version": 4, ...}                                see make.h; {"bytes": hex}
namespace sallyport::differential {

namespace {

using nlohmann::json;

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

json answer(const json& request) {
  const Input given(request.value("bytes", std::string()));
  if (request.at("do") == "decode") {
    const auto from = request.at("from") == "client" ? Side::client : Side::broker;
    const auto version = static_cast<mqtt::Version>(request.at("version").get<unsigned>());
    return describe_stream(given.bytes(), from, version);
  }
  Buffer out;
  if (!make_packet(request, given.bytes(), out)) return {{"bytes", nullptr}};
  return {{"bytes", to_hex(out.bytes())}};
}

}  // namespace

}  // namespace sallyport::differential

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      std::cout << sallyport::differential::answer(nlohmann::json::parse(line)) << '\n';
    } catch (const std::exception& error) {
      std::cout.flush();
      std::cerr << "probe: " << error.what() << "\n  in: " << line.substr(0, 400) << '\n';
      return 2;
    }
  }
  return 0;
}
