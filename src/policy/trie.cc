#include "policy/trie.h"

#include <algorithm>

namespace sallyport::policy {

namespace {

constexpr std::size_t kFirstTable = 16;
constexpr std::size_t kMost = UINT32_MAX / 2;  // nodes, bytes of text, ends

}  // namespace

Trie::Index Trie::add_node() {
  nodes_.emplace_back();
  return static_cast<Index>(nodes_.size() - 1);
}

Trie::Index Trie::add_root() {
  if (edges_.empty()) edges_.resize(kFirstTable);
  return add_node();
}

void Trie::grow() {
  std::vector<Edge> old(edges_.size() * 2);
  old.swap(edges_);
  for (const Edge& edge : old) {
    if (edge.child == kNone) continue;
    std::size_t at = slot(edge.parent, edge.hash);
    while (edges_[at].child != kNone) at = (at + 1) & (edges_.size() - 1);
    edges_[at] = edge;
  }
}

Trie::Index Trie::add_literal(Index parent, std::string_view text) {
  const std::uint32_t hash = hash_level(text);
  if (const Index child = literal_child(parent, hash, text); child != kNone) return child;
  if ((edge_count_ + 1) * 2 > edges_.size()) grow();
  const Index child = add_node();
  std::size_t at = slot(parent, hash);
  while (edges_[at].child != kNone) at = (at + 1) & (edges_.size() - 1);
  edges_[at] = {parent, child, hash, static_cast<std::uint32_t>(text.size()),
                static_cast<std::uint32_t>(text_.size())};
  text_.append(text);
  ++edge_count_;
  ++nodes_[parent].literals;
  return child;
}

Trie::Index Trie::add_pattern(Index parent, const ValuePattern& pattern) {
  for (Index i = nodes_[parent].pattern; i != kNone; i = patterns_[i].next) {
    if (patterns_[i].level == pattern) return patterns_[i].child;
  }
  const Index child = add_node();
  patterns_.push_back({pattern, child, nodes_[parent].pattern});
  nodes_[parent].pattern = static_cast<Index>(patterns_.size() - 1);
  return child;
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
        if (nodes_[node].plus == kNone) {
          const Index child = add_node();  // may move nodes_
          nodes_[node].plus = child;
        }
        node = nodes_[node].plus;
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
