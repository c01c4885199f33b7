#include "policy/match_index.h"

#include <algorithm>
#include <compare>
#include <map>

#include "policy/foreign_syntax.h"
#include "policy/glob.h"

namespace sallyport::policy {

namespace {

using Where = MatchIndex::Where;

/// Something by which a matcher can be found.
struct Key {
  AttributeNumber attribute = 0;
  Where where = Where::all;
  std::string text;

  friend auto operator<=>(const Key&, const Key&) = default;
};

/// The first `bits` bits of an address as characters, behind one for its family. So a network is a
/// text with which its addresses begin.
std::string to_bits(const IpAddress& address, unsigned bits) {
  // What all IPv4 addresses begin with is left out.
  const bool v4 = address.is_v4();
  std::string text(1, v4 ? '4' : '6');
  for (unsigned i = v4 ? 96 : 0; i < bits; ++i) {
    text.push_back((address.bytes[i / 8] >> (7 - i % 8) & 1) != 0 ? '1' : '0');
  }
  return text;
}

/// The keys by which one entry of a list can be found, each on its own.
std::vector<Key> keys_of(AttributeNumber attribute, const std::string& text) {
  if (kAttributes[attribute].is_network()) {
    const auto network = parse_network(text);
    if (!network) return {};
    return {{attribute, Where::front, to_bits(network->network, network->bits)}};
  }
  const std::string_view entry = without_literal_mark(text);
  if (is_literal_glob(entry)) return {{attribute, Where::all, std::string(entry)}};
  std::vector<Key> keys;
  if (const auto prefix = literal_prefix(entry); !prefix.empty()) {
    keys.push_back({attribute, Where::front, std::string(prefix)});
  }
  if (const auto suffix = literal_suffix(entry); !suffix.empty()) {
    keys.push_back({attribute, Where::back, std::string(suffix)});
  }
  return keys;
}

/// How many entries of all specs could be found by a key.
using Crowd = std::map<Key, std::size_t>;

Crowd count_keys(std::span<const MatchSpec* const> specs) {
  Crowd crowd;
  for (const MatchSpec* spec : specs) {
    for (std::size_t i = 0; i < kAttributes.size(); ++i) {
      for (const Text& entry : spec->asked[i]) {
        for (Key& key : keys_of(static_cast<AttributeNumber>(i), entry.value)) {
          ++crowd[std::move(key)];
        }
      }
    }
  }
  return crowd;
}

/// Keys by which a matcher is found, and how many share the one that most share.
struct Choice {
  std::vector<Key> keys;
  std::size_t crowd = 0;
};

/// The least shared key of each entry. No keys: some entry has none, or there is no entry.
Choice choose_keys(AttributeNumber attribute, const std::vector<Text>& entries,
                   const Crowd& crowd) {
  Choice choice;
  for (const Text& entry : entries) {
    const Key* best = nullptr;
    std::size_t least = 0;
    for (const Key& key : keys_of(attribute, entry.value)) {
      const auto found = crowd.find(key);
      if (best != nullptr && found->second >= least) continue;
      best = &found->first;
      least = found->second;
    }
    if (best == nullptr) return {};
    choice.keys.push_back(*best);
    choice.crowd = std::max(choice.crowd, least);
  }
  return choice;
}

}  // namespace

MatchIndex::MatchIndex(std::span<const MatchSpec* const> specs) {
  const Crowd crowd = count_keys(specs);
  for (std::size_t number = 0; number < specs.size(); ++number) {
    Choice best;
    for (std::size_t i = 0; i < kAttributes.size(); ++i) {
      Choice choice = choose_keys(static_cast<AttributeNumber>(i), specs[number]->asked[i], crowd);
      if (choice.keys.empty()) continue;
      if (best.keys.empty() || choice.crowd < best.crowd) best = std::move(choice);
    }
    const auto id = static_cast<std::uint32_t>(number);
    if (best.keys.empty()) others_.push_back(id);
    for (const Key& key : best.keys) {
      tables_[key.attribute][static_cast<std::size_t>(key.where)].add(key.text, id);
    }
  }
}

std::vector<std::uint32_t> MatchIndex::candidates(const Subject& subject) const {
  std::vector<std::uint32_t> out = others_;
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    const auto collect = [&](std::string_view value) {
      for (std::size_t where = 0; where < kWheres; ++where) {
        tables_[i][where].collect(static_cast<Where>(where), value, out);
      }
    };
    if (!kAttributes[i].is_network()) {
      for (const std::string& value : subject.values(static_cast<AttributeNumber>(i))) {
        collect(value);
      }
    } else if (const auto& address = subject.address()) {
      collect(to_bits(*address, 128));
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void MatchIndex::Table::add(const std::string& text, std::uint32_t number) {
  numbers_[text].push_back(number);
  const auto at = std::lower_bound(lengths_.begin(), lengths_.end(), text.size());
  if (at == lengths_.end() || *at != text.size()) lengths_.insert(at, text.size());
}

void MatchIndex::Table::look_up(std::string_view text, std::vector<std::uint32_t>& out) const {
  if (const auto found = numbers_.find(text); found != numbers_.end()) {
    out.insert(out.end(), found->second.begin(), found->second.end());
  }
}

void MatchIndex::Table::collect(Where where, std::string_view value,
                                std::vector<std::uint32_t>& out) const {
  if (where == Where::all) {
    if (!lengths_.empty() && value.size() <= lengths_.back()) look_up(value, out);
    return;
  }
  for (const std::size_t length : lengths_) {
    if (length > value.size()) return;
    look_up(where == Where::front ? value.substr(0, length) : value.substr(value.size() - length),
            out);
  }
}

}  // namespace sallyport::policy
