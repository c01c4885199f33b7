#pragma once

#include <cstddef>
#include <string_view>

#include "sallyport/bounds.h"

#include "base/ascii.h"

namespace sallyport::mqtt {

/// What topics are made of: printable ASCII without wildcards. Blocks are only looked at; what was
/// found is asked for in the end, so that there is no branch on what the bytes are.
class PlainScan final {
 public:
  void look_at(ascii::Block block) { look_at(block, block == '/'); }
  /// The last `count` bytes of the block only, as far as slashes go.
  void look_at_last(ascii::Block block, std::size_t count) {
    look_at(block, (block == '/') & ascii::last(count));
  }

  [[nodiscard]] bool plain() const { return !ascii::any(wildcards_ | ~printable_); }
  [[nodiscard]] std::size_t slashes() const { return ascii::sum(slashes_); }

 private:
  void look_at(ascii::Block block, ascii::Block slashes) {
    static_assert(('+' & ~0x08) == '#');
    // U+0020 to U+007E, and one more: as signed numbers all the others are below.
    const auto next = reinterpret_cast<ascii::Block>(reinterpret_cast<ascii::Unsigned>(block) + 1);
    printable_ &= next > 0x20;
    wildcards_ |= (block & ~0x08) == '#';
    slashes_ -= slashes;
  }

  ascii::Block wildcards_{};
  ascii::Block printable_ = ~ascii::Block{};
  ascii::Block slashes_{};
};

/// Is this a topic name without anything unusual, so that nothing more need be asked? Yes to what
/// check_topic_name() passes and what is printable ASCII of at most 255 bytes.
[[nodiscard]] inline bool is_plain_topic(std::string_view topic, const Bounds& bounds) {
  constexpr std::size_t kMost = 255;  // so that as many slashes can be counted
  if (topic.empty() || topic.size() > kMost || topic.size() > bounds.max_topic_length) return false;
  const auto* at = reinterpret_cast<const unsigned char*>(topic.data());
  const auto* const end = at + topic.size();
  PlainScan scan;
  if (topic.size() < 16) {
    scan.look_at(ascii::load_short(end, topic.size()));
  } else {
    for (; end - at >= 16; at += 16) scan.look_at(ascii::load_block(at));
    // What is left, with bytes in front of it that were seen before.
    scan.look_at_last(ascii::load_block(end - 16), static_cast<std::size_t>(end - at));
  }
  return scan.plain() && scan.slashes() < bounds.max_topic_levels;
}

}  // namespace sallyport::mqtt
