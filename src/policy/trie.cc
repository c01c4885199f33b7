#include "policy/trie.h"

#include <algorithm>

namespace sallyport::policy {

namespace {

constexpr std::size_t kFirstTable = 16;
constexpr std::size_t kMost = UINT32_MAX / 2;  // nodes, bytes of text, ends

}  // namespace

Trie::Index Trie::add_root() {
  if (edges_.empty()) resize(kFirstTable);
  nodes_.emplace_back();
  return static_cast<Index>(nodes_.size() - 1);
}

Trie::Index Trie::add_child(Index parent) {
  nodes_[parent].has_children = true;
  nodes_.emplace_back();
  return static_cast<Index>(nodes_.size() - 1);
}

void Trie::insert(const Edge& edge) {
  std::size_t at = slot(edge.parent, edge.hash, edge_mask_);
  while (edges_[at].child != kNone) at = (at + 1) & edge_mask_;
  edges_[at] = edge;
}

void Trie::resize(std::size_t size) {
  std::vector<Edge> old(size);
  old.swap(edges_);
  edge_mask_ = size - 1;
  for (const Edge& edge : old) {
    if (edge.child != kNone) insert(edge);
  }
}

Trie::Index Trie::add_literal(Index parent, std::string_view text) {
  Level level;
  static_cast<void>(take_level(text.data(), text.data() + text.size(), level));
  if (const Index child = literal_child(parent, level); child != kNone) return child;
  if (++edge_count_ * 2 > edges_.size()) resize(edges_.size() * 2);
  const Index child = add_child(parent);
  insert({level.first, parent, child, level.size, static_cast<std::uint32_t>(text_.size()),
          level.hash});
  if (text.size() > 8) text_.append(text.substr(8));
  ++nodes_[parent].literals;
  return child;
}

Trie::Index Trie::add_plus(Index parent) {
  if (nodes_[parent].plus == kNone) {
    const Index child = add_child(parent);  // may move nodes_
    nodes_[parent].plus = child;
  }
  return nodes_[parent].plus;
}

Trie::Index Trie::add_pattern(Index parent, const ValuePattern& pattern) {
  for (Index i = nodes_[parent].pattern; i != kNone; i = patterns_[i].next) {
    if (patterns_[i].level == pattern) return patterns_[i].child;
  }
  const Index child = add_child(parent);
  patterns_.push_back({pattern, child, nodes_[parent].pattern});
  nodes_[parent].pattern = static_cast<Index>(patterns_.size() - 1);
  return child;
}

const Trie::Pattern* Trie::find_pattern(Index from, Path& path, std::uint32_t depth,
                                        Substitutes substitutes) const {
  const std::string_view text = path.at(depth).text();
  // A value that begins with `$` is no word of the operator's: `${username}/#` must not reach
  // `$SYS/...` for a user of that name, as a wildcard would not.
  const bool dollar = depth == 0 && path.dollar();
  for (Index i = from; i != kNone; i = patterns_[i].next) {
    const Pattern& pattern = patterns_[i];
    if (dollar && pattern.level.prefix.empty()) continue;
    if (fits(pattern.level, text, substitutes)) return &pattern;
  }
  return nullptr;
}

bool Trie::add(Index root, const FilterLevels& filter, std::uint32_t rule) {
  std::size_t bytes = 0;
  for (const FilterLevel& level : filter) bytes += level.literal.size();
  if (nodes_.size() + filter.size() > kMost || text_.size() + bytes > kMost ||
      ends_.size() >= kMost) {
    return false;
  }
  Index node = root;
  bool below = false;
  for (const FilterLevel& level : filter) {
    switch (level.kind) {
      case FilterLevel::Kind::literal:
        node = add_literal(node, level.literal);
        break;
      case FilterLevel::Kind::pattern:
        node = add_pattern(node, level.pattern);
        break;
      case FilterLevel::Kind::hash:
        below = true;
        break;
      case FilterLevel::Kind::plus:
        node = add_plus(node);
        break;
    }
  }
  ends_.push_back({node, below, rule});
  return true;
}

void Trie::freeze() {
  std::sort(ends_.begin(), ends_.end());
  ends_.erase(std::unique(ends_.begin(), ends_.end()), ends_.end());
  rules_.reserve(ends_.size());
  for (const End& end : ends_) {
    Node& node = nodes_[end.node];
    std::uint32_t& begin = end.below ? node.below : node.here;
    std::uint32_t& behind = end.below ? node.below_end : node.here_end;
    const auto at = static_cast<std::uint32_t>(rules_.size());
    if (behind == 0) begin = at;  // the first of its range
    rules_.push_back(end.rule);
    behind = at + 1;
  }
  ends_.clear();
  ends_.shrink_to_fit();
  nodes_.shrink_to_fit();
  patterns_.shrink_to_fit();
  text_.shrink_to_fit();
}

}  // namespace sallyport::policy
