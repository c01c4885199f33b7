#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace sallyport {

/// A set of characters. Those of ASCII are in it one by one, all others together.
class Characters {
 public:
  /// All of them.
  constexpr Characters() = default;
  /// None yet.
  [[nodiscard]] static constexpr Characters none() {
    Characters set;
    set.ascii_[0] = set.ascii_[1] = 0;
    set.others_ = false;
    return set;
  }

  /// `c` is of ASCII.
  constexpr void add(char c) {
    const auto code = static_cast<unsigned char>(c);
    ascii_[code >> 6 & 1] |= std::uint64_t{1} << (code & 63);
  }
  [[nodiscard]] constexpr bool contains(char c) const {
    const auto code = static_cast<unsigned char>(c);
    return code >= 0x80 ? others_ : (ascii_[code >> 6] >> (code & 63) & 1) != 0;
  }
  /// Every character of a text in UTF-8.
  [[nodiscard]] constexpr bool contain_all(std::string_view text) const {
    return std::all_of(text.begin(), text.end(), [this](char c) { return contains(c); });
  }

  /// What is in both.
  [[nodiscard]] friend constexpr Characters operator&(Characters a, const Characters& b) {
    a.ascii_[0] &= b.ascii_[0];
    a.ascii_[1] &= b.ascii_[1];
    a.others_ = a.others_ && b.others_;
    return a;
  }
  [[nodiscard]] friend constexpr bool operator==(const Characters&, const Characters&) = default;

 private:
  std::uint64_t ascii_[2] = {UINT64_MAX, UINT64_MAX};
  bool others_ = true;
};

}  // namespace sallyport
