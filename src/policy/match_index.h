#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sallyport/policy.h"

#include "policy/subject.h"

namespace sallyport::policy {

/// Finds the matchers that may hold for an identity without trying all of them. A site with a role
/// for each tenant has thousands.
///
/// A matcher is found by one attribute that it asks for. Each of its globs is found by a literal
/// text: all of it, or what stands before its first or behind its last wildcard; a network by its
/// bits. Of all these the index takes those that the fewest matchers share. A matcher of which
/// every attribute has a glob without such a text (`*` or `*x*`) is a candidate for everybody.
///
/// candidates() makes one hash lookup for each value and each length that the texts of its
/// attribute have, at most kMaxGlob of these; its cost does not depend on the number of matchers.
class MatchIndex final {
 public:
  MatchIndex() = default;
  /// The matchers are numbered in the order of their specs. Refers to no spec afterwards.
  explicit MatchIndex(std::span<const MatchSpec* const> specs);

  /// Numbers of the matchers that need a look, ascending, each once; all others do not hold.
  [[nodiscard]] std::vector<std::uint32_t> candidates(const Subject& subject) const;

  /// Where in a value a text has to stand for the value to be found by it.
  enum class Where : std::uint8_t { all, front, back };
  static constexpr std::size_t kWheres = 3;

 private:
  /// Numbers by text.
  class Table {
   public:
    void add(const std::string& text, std::uint32_t number);
    /// Appends the numbers of the texts that stand there in the value.
    void collect(Where where, std::string_view value, std::vector<std::uint32_t>& out) const;

   private:
    struct Hash {
      using is_transparent = void;
      std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>()(text);
      }
    };
    void look_up(std::string_view text, std::vector<std::uint32_t>& out) const;

    std::unordered_map<std::string, std::vector<std::uint32_t>, Hash, std::equal_to<>> numbers_;
    std::vector<std::size_t> lengths_;  // of the texts; ascending, each once
  };

  std::array<std::array<Table, kWheres>, kAttributes.size()> tables_;
  std::vector<std::uint32_t> others_;
};

}  // namespace sallyport::policy
