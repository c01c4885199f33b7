#pragma once

#include <string>
#include <vector>

#include "sallyport/policy.h"

#include "policy/address.h"
#include "policy/pattern.h"
#include "policy/subject.h"

/// Which identities a role is for.
namespace sallyport::policy {

/// Adds what is wrong with one entry of `match`.
void check_asked(const Attribute& attribute, const Text& text, std::vector<Problem>& problems);

/// A MatchSpec, compiled. What an identity does not have (no certificate, no username, a subject
/// without common name) matches no glob, not even `*`.
class Matcher final {
 public:
  /// `spec` is one that check_asked() found nothing wrong with. An entry that is wrong all the same
  /// matches nothing.
  explicit Matcher(const MatchSpec& spec);
  [[nodiscard]] bool holds(const Subject& subject) const;

 private:
  /// What is asked of one attribute: one of these must match one of its values.
  struct Asked {
    AttributeNumber attribute = 0;
    std::vector<std::string> globs;
    std::vector<AddressPrefix> networks;
  };
  std::vector<Asked> asked_;
};

}  // namespace sallyport::policy
