#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "sallyport/attributes.h"

#include "policy/address.h"
#include "policy/pattern.h"

namespace sallyport::policy {

/// Returns whether a value may stand for a placeholder: not if it is empty, nor if it holds `/`,
/// `+`, `#` or U+0000, for it would reach beyond its level (CVE-2017-7650).
[[nodiscard]] bool is_usable_value(std::string_view value);

/// One identity with all its values looked up, for the time of one admission. Refers to the
/// identity, which must outlive it.
class Subject final {
 public:
  explicit Subject(const Identity& identity);
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  [[nodiscard]] const Identity& identity() const { return identity_; }
  /// What `match` is held against.
  [[nodiscard]] Values values(AttributeNumber attribute) const { return values_[attribute]; }
  /// The value of the attribute that is an address; none: it is not numeric, and inside no network.
  [[nodiscard]] const std::optional<IpAddress>& address() const { return address_; }
  /// What placeholders stand for.
  [[nodiscard]] Substitutes substitutes() const { return substitutes_; }

 private:
  const Identity& identity_;
  std::array<Values, kAttributes.size()> values_;
  std::array<Values, kAttributes.size()> substitutes_;
  std::optional<IpAddress> address_;
};

}  // namespace sallyport::policy
