#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/policy.h"

#include "policy/match.h"
#include "policy/match_index.h"
#include "policy/pattern.h"
#include "policy/trie.h"

/// What a Policy is made of. All of it is immutable behind compile().
namespace sallyport::policy {

/// OnDeny as an array: which of the two a client gets depends on its protocol.
using Actions = std::array<Action, 2>;
[[nodiscard]] inline std::size_t generation(mqtt::Version version) {
  return version == mqtt::Version::v5 ? 1 : 0;
}
[[nodiscard]] inline Actions to_actions(const OnDeny& on_deny) { return {on_deny.v3, on_deny.v5}; }

/// A rule without its filters, which are in the trie. Its number is the rank of its id, so that of
/// two rules the first by id is the one with the lower number, in whatever order files came.
struct Rule {
  bool deny = false;
  bool no_retain = false;
  std::uint8_t max_qos = 2;
  Actions on_deny{};
  std::uint32_t max_payload = UINT32_MAX;
  std::uint32_t limit = kNoLimit;
  std::uint32_t inspection = kNoLimit;  // Tables::inspections

  /// How dear a message is that this rule allows. Of the rules that allow it the cheapest counts.
  [[nodiscard]] std::size_t cost() const {
    return (inspection != kNoLimit ? 2U : 0U) + (limit != kNoLimit ? 1U : 0U);
  }
  static constexpr std::size_t kCosts = 4;
};

struct Role {
  std::string name;
  std::optional<Binding> binding;
  std::uint32_t limit = kNoLimit;
  std::uint32_t bounds = kNoLimit;  // Tables::bounds
  Actions on_deny{};
};

/// Roles that ask the same of an identity. Whoever has one of them has all, so their rules share a
/// trie, and a verdict does not walk one for each.
struct Group {
  Matcher matcher;
  std::vector<std::uint32_t> roles;
  Trie::Index publish = Trie::kNone;
  Trie::Index subscribe = Trie::kNone;
  AttributeNumber placeholders = 0;  // its filters take values of attributes below this number only
};

struct Tables {
  std::vector<std::string> rule_names;  // by rule number; sorted
  std::vector<Rule> rules;
  std::vector<Role> roles;
  std::vector<Group> groups;
  MatchIndex index;  // ids are group numbers
  std::vector<RateLimit> limits;
  std::vector<Bounds> bounds;
  std::vector<Inspection> inspections;
  Trie trie;
};

struct Policy::Compiled final : Tables {
  explicit Compiled(Tables tables) : Tables(std::move(tables)) {}
};

}  // namespace sallyport::policy
