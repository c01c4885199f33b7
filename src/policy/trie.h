#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/path.h"
#include "policy/pattern.h"

namespace sallyport::policy {

/// The filters of all rules, level by level: a forest with one root for each set of rules that is
/// asked on its own. Built once, then read by all threads.
///
/// Cost of walk(). A node is reached only from its one parent, at the one depth it has, so a walk
/// looks at each node at most once: however a topic makes wildcards and literals fork, it costs no
/// more than the part of the tree whose levels fit it. Literal children, of which there may be a
/// hundred thousand, are found by one hash lookup; `+` is one step; levels with placeholders are
/// tried one after the other, and there are as many as the operator wrote different ones at this
/// very place. Depth ends at kMaxFilterLevels, whatever the topic holds, so that the stack of the
/// walk is an array.
class Trie {
 public:
  using Index = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;

  /// A new empty set of filters.
  [[nodiscard]] Index add_root();
  /// Adds a filter that stands for `rule`. False: the trie is full (4 GiB of text or nodes).
  [[nodiscard]] bool add(Index root, const FilterLevels& filter, std::uint32_t rule);
  /// Call once, behind the last add() and before the first walk().
  void freeze();

  /// Calls `visit(std::span<const std::uint32_t>)` with the rules of every filter under `root`
  /// that contains the path: that matches it, where the path is a topic; that matches every topic
  /// that the path matches, where it is a filter. Honours [MQTT-4.7.2-1]. A rule may come more
  /// than once. Does not allocate.
  template <typename Visit>
  void walk(Index root, Path& path, const Subject& subject, Visit&& visit) const;

 private:
  struct Node {
    Index plus = kNone;     // the child for `+`
    Index pattern = kNone;  // the first of its children with placeholders, in patterns_
    std::uint32_t literals = 0;
    // Ranges of rules_: filters that end here, and filters that end in `#` behind here.
    std::uint32_t here = 0, here_end = 0;
    std::uint32_t below = 0, below_end = 0;
  };
  struct Pattern {
    ValuePattern level;
    Index child;
    Index next;  // of the same parent
  };
  /// An edge to a literal child: open addressing, one table for the whole forest.
  struct Edge {
    Index parent = kNone;
    Index child = kNone;  // kNone: the slot is free
    std::uint32_t hash = 0;
    std::uint32_t size = 0;
    std::uint32_t text = 0;  // offset into text_
  };
  struct End {
    Index node;
    bool below;
    std::uint32_t rule;
    friend auto operator<=>(const End&, const End&) = default;
  };
  /// A fork that walk() has not been down yet.
  struct Fork {
    Index index;  // of a node, or (pattern) of the next pattern to try
    std::uint16_t depth;
    bool pattern;
  };

  [[nodiscard]] std::size_t slot(Index parent, std::uint32_t hash) const {
    // The factor spreads parents over the table; its high half mixes best.
    const std::uint64_t key = (std::uint64_t{parent} << 32 | hash) * 0xD6E8'FEB8'6659'FD93;
    return static_cast<std::size_t>(key >> 32) & (edges_.size() - 1);
  }
  [[nodiscard]] Index literal_child(Index parent, std::uint32_t hash, std::string_view text) const;
  [[nodiscard]] Index add_node();
  [[nodiscard]] Index add_literal(Index parent, std::string_view text);
  [[nodiscard]] Index add_pattern(Index parent, const ValuePattern& pattern);
  void grow();

  std::vector<Node> nodes_;
  std::vector<Pattern> patterns_;
  std::vector<Edge> edges_;  // a power of two, at most half full
  std::size_t edge_count_ = 0;
  std::string text_;
  std::vector<std::uint32_t> rules_;
  std::vector<End> ends_;  // empty once frozen
};

inline Trie::Index Trie::literal_child(Index parent, std::uint32_t hash,
                                       std::string_view text) const {
  for (std::size_t at = slot(parent, hash);; at = (at + 1) & (edges_.size() - 1)) {
    const Edge& edge = edges_[at];
    if (edge.child == kNone) return kNone;
    if (edge.hash == hash && edge.parent == parent && edge.size == text.size() &&
        std::memcmp(text_.data() + edge.text, text.data(), text.size()) == 0) {
      return edge.child;
    }
  }
}

template <typename Visit>
void Trie::walk(Index root, Path& path, const Subject& subject, Visit&& visit) const {
  // Each level leaves at most two forks behind: the `+` child and the rest of the patterns.
  std::array<Fork, 2 * kMaxFilterLevels> forks;
  std::size_t forked = 0;
  const auto rules = [this](std::uint32_t begin, std::uint32_t end) {
    return std::span<const std::uint32_t>(rules_.data() + begin, end - begin);
  };

  Index index = root;
  std::uint32_t depth = 0;
  for (;;) {
    const Node& node = nodes_[index];
    // [MQTT-4.7.2-1]: a filter that begins with a wildcard does not reach `$` topics.
    const bool wildcards = !(depth == 0 && path.dollar());
    if (node.below != node.below_end && wildcards) visit(rules(node.below, node.below_end));

    Index next = kNone;
    if (!path.has(depth)) {
      if (node.here != node.here_end) visit(rules(node.here, node.here_end));
    } else {
      const Path::Level& level = path[depth];
      const auto at = static_cast<std::uint16_t>(depth + 1);
      if (level.kind == FilterLevel::Kind::literal) {
        if (node.literals != 0) next = literal_child(index, level.hash, level.text());
        if (node.pattern != kNone) forks[forked++] = {node.pattern, at, true};
      }
      // `#` of a path reaches further than any `+`: only `#` contains it, and that is done.
      if (node.plus != kNone && wildcards && level.kind != FilterLevel::Kind::hash) {
        if (next == kNone) {
          next = node.plus;
        } else {
          forks[forked++] = {node.plus, at, false};
        }
      }
      ++depth;
    }

    while (next == kNone) {
      if (forked == 0) return;
      const Fork fork = forks[--forked];
      depth = fork.depth;
      if (!fork.pattern) {
        next = fork.index;
        break;
      }
      const Path::Level& level = path[depth - 1];
      for (Index i = fork.index; i != kNone; i = patterns_[i].next) {
        const Pattern& pattern = patterns_[i];
        // A value that begins with `$` is no word of the operator's: `${username}/#` must not
        // reach `$SYS/...` for a user of that name, as a wildcard would not.
        if (depth == 1 && path.dollar() && pattern.level.prefix.empty()) continue;
        if (!fits(pattern.level, level.text(), subject)) continue;
        if (pattern.next != kNone) {
          forks[forked++] = {pattern.next, static_cast<std::uint16_t>(depth), true};
        }
        next = pattern.child;
        break;
      }
    }
    index = next;
  }
}

}  // namespace sallyport::policy
