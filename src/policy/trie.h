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
  void walk(Index root, Path& path, Substitutes substitutes, Visit&& visit) const;

 private:
  struct Node {
    Index plus = kNone;     // the child for `+`
    Index pattern = kNone;  // the first of its children with placeholders, in patterns_
    std::uint32_t literals = 0;
    bool has_children = false;
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
    std::uint64_t first = 0;  // of the level, as in Level
    Index parent = kNone;
    Index child = kNone;  // kNone: the slot is free
    std::uint32_t size = 0;
    std::uint32_t text = 0;  // offset into text_ of what stands behind the first eight bytes
    std::uint32_t hash = 0;
  };
  struct End {
    Index node;
    bool below;
    std::uint32_t rule;
    friend auto operator<=>(const End&, const End&) = default;
  };
  /// A branch that walk() has yet to follow.
  struct Fork {
    Index index;          // of a node, or (pattern) of the next pattern to try
    std::uint32_t depth;  // of what it leads to
    bool pattern;
  };

  /// Where in the table the search begins. The factor spreads parents over it; the high half of
  /// the product is mixed best.
  [[nodiscard]] static std::size_t slot(Index parent, std::uint32_t hash, std::size_t mask) {
    const std::uint64_t key = (std::uint64_t{parent} << 32 | hash) * 0xD6E8'FEB8'6659'FD93;
    return static_cast<std::size_t>(key >> 32) & mask;
  }
  /// Returns whether two levels with equal size and equal first eight bytes are equal. `behind` is
  /// the text of one of them from its ninth byte on.
  [[nodiscard]] static bool same_behind(const char* level, const char* behind, std::uint32_t size) {
    return size <= 8 || std::memcmp(level + 8, behind, size - std::size_t{8}) == 0;
  }
  [[nodiscard]] Index literal_child(Index parent, const Level& level) const;
  /// The first pattern from `from` on that level `depth` of the path fits; null: none.
  [[nodiscard]] const Pattern* find_pattern(Index from, Path& path, std::uint32_t depth,
                                            Substitutes substitutes) const;
  [[nodiscard]] Index add_child(Index parent);
  [[nodiscard]] Index add_literal(Index parent, std::string_view text);
  [[nodiscard]] Index add_plus(Index parent);
  [[nodiscard]] Index add_pattern(Index parent, const ValuePattern& pattern);
  void insert(const Edge& edge);
  void resize(std::size_t size);

  std::vector<Node> nodes_;
  std::vector<Pattern> patterns_;
  std::vector<Edge> edges_;    // a power of two, at most half full
  std::size_t edge_mask_ = 0;  // its size less one
  std::size_t edge_count_ = 0;
  std::string text_;
  std::vector<std::uint32_t> rules_;
  std::vector<End> ends_;  // empty once frozen
};

inline Trie::Index Trie::literal_child(Index parent, const Level& level) const {
  const Edge* const edges = edges_.data();
  const std::size_t mask = edge_mask_;
  for (std::size_t at = slot(parent, level.hash, mask);; at = (at + 1) & mask) {
    const Edge& edge = edges[at];
    if (edge.first == level.first && edge.parent == parent && edge.size == level.size &&
        same_behind(level.data, text_.data() + edge.text, level.size)) {
      return edge.child;
    }
    if (edge.child == kNone) return kNone;
  }
}

template <typename Visit>
void Trie::walk(Index root, Path& path, Substitutes substitutes, Visit&& visit) const {
  // Each level leaves at most two forks behind: the `+` child and the rest of the patterns.
  std::array<Fork, 2 * kMaxFilterLevels> forks;
  Fork* fork = forks.data();  // behind the last
  const Node* const nodes = nodes_.data();
  const std::uint32_t* const rules = rules_.data();

  const Node* node = nodes + root;
  std::uint32_t depth = 0;
  // [MQTT-4.7.2-1]: a filter that begins with a wildcard does not reach `$` topics.
  bool wildcards = !path.dollar();
  for (;;) {
    if (node->below != node->below_end && wildcards) {
      visit(std::span(rules + node->below, rules + node->below_end));
    }
    Index next = kNone;
    if (path.ends_at(depth)) {
      if (node->here != node->here_end) {
        visit(std::span(rules + node->here, rules + node->here_end));
      }
    } else if (node->has_children) {
      const Level& level = path.at(depth++);
      if (!level.is_wildcard()) {
        if (node->literals != 0) {
          next = literal_child(static_cast<Index>(node - nodes), level);
        }
        if (node->pattern != kNone) *fork++ = {node->pattern, depth, true};
        if (node->plus != kNone && wildcards) *fork++ = {node->plus, depth, false};
      } else if (level.first == '+' && wildcards) {
        next = node->plus;
      }
      // A path's `#` reaches further than any `+`: only `#` contains it, and that is done.
    }
    wildcards = true;
    while (next == kNone) {
      if (fork == forks.data()) return;
      const Fork taken = *--fork;
      depth = taken.depth;
      if (!taken.pattern) {
        next = taken.index;
      } else if (const Pattern* fits = find_pattern(taken.index, path, depth - 1, substitutes)) {
        if (fits->next != kNone) *fork++ = {fits->next, depth, true};
        next = fits->child;
      }
    }
    node = nodes + next;
  }
}

}  // namespace sallyport::policy
