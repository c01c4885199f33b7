#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sallyport/policy.h"

#include "policy/address.h"
#include "policy/pattern.h"

/// Which identities a role is for.
namespace sallyport::policy {

/// An identity prepared for many questions. Refers to the identity.
struct Candidate {
  explicit Candidate(const Identity& who) : identity(who), address(parse_address(who.address)) {}
  const Identity& identity;
  std::optional<IpAddress> address;  // none: not numeric, is inside no network
};

/// A MatchSpec, compiled. What an identity does not have (no certificate, no username, a subject
/// without common name) matches no glob, not even `*`.
class Matcher {
 public:
  /// `problems` gets what is wrong with the spec; then the matcher is of no use.
  Matcher(const MatchSpec& spec, std::vector<Problem>& problems);
  [[nodiscard]] bool holds(const Candidate& candidate) const;

 private:
  MatchSpec globs_;  // its addresses are in networks_
  std::vector<Cidr> networks_;
};

/// Finds the matchers that may hold for an identity without trying all of them: those that ask for
/// a name in full are found by that name. A site with a role per tenant has thousands.
class MatchIndex {
 public:
  void add(const MatchSpec& spec, std::uint32_t id);
  /// Ids that need a look, ascending, each once; all others do not hold.
  [[nodiscard]] std::vector<std::uint32_t> candidates(const Identity& identity) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using ByName = std::unordered_map<std::string, std::vector<std::uint32_t>, Hash, std::equal_to<>>;

  ByName cert_cn_;
  ByName cert_san_dns_;
  ByName cert_san_uri_;
  ByName username_;
  ByName client_id_;
  ByName listener_;
  std::vector<std::uint32_t> others_;
};

}  // namespace sallyport::policy
