#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sallyport/identity.h"

/// What a policy can know of an identity, as one table. `match`, the placeholders, their error
/// messages, the audit log and the reference loop over it: a new attribute is a new row, and a
/// field in identity.h where the fact itself is new.
namespace sallyport {

/// The values of one attribute of one identity: none, one or several. They point into the Identity.
using Values = std::span<const std::string>;

struct Attribute {
  std::string_view match;        // its key in `match`
  std::string_view placeholder;  // as written between `${` and `}`; empty: there is none
  Values (*values)(const Identity& identity);
  /// What `match` holds it against.
  enum class Kind : std::uint8_t {
    glob,       // a text in which only `*` and `?` are special
    host_glob,  // the same, of names with dots
    network,    // CIDR
  };
  Kind kind = Kind::glob;
  /// Its key in "certificate" of the audit log; empty: it is not there. What the connection or
  /// CONNECT says stands in every line by itself.
  std::string_view audit = {};
  [[nodiscard]] constexpr bool is_network() const { return kind == Kind::network; }
};

namespace attribute {

inline Values to_values(const std::string& value) { return {&value, 1}; }
inline Values to_values(const std::optional<std::string>& value) {
  return value ? Values(&*value, 1) : Values();
}
inline Values to_values(const std::vector<std::string>& values) { return values; }

/// What the connection or CONNECT says. A text is a value even if it is empty.
template <auto kMember>
Values connection(const Identity& identity) {
  return to_values(identity.*kMember);
}
/// What the client's certificate says. A text that is empty is not there.
template <auto kMember>
Values certificate(const Identity& identity) {
  if (identity.certificate == nullptr) return {};
  const auto& member = (*identity.certificate).*kMember;
  if constexpr (std::is_same_v<decltype(member), const std::string&>) {
    if (member.empty()) return {};
  }
  return to_values(member);
}

}  // namespace attribute

inline constexpr auto kAttributes = std::to_array<Attribute>({
    {"client_id", "client_id", attribute::connection<&Identity::client_id>},
    {"username", "username", attribute::connection<&Identity::username>},
    {"cert_cn", "cert.cn", attribute::certificate<&Certificate::common_name>, Attribute::Kind::glob,
     "cn"},
    {"cert_san_dns", "cert.san.dns", attribute::certificate<&Certificate::san_dns>,
     Attribute::Kind::host_glob},
    {"cert_san_uri", "cert.san.uri", attribute::certificate<&Certificate::san_uri>,
     Attribute::Kind::host_glob},
    {"cert_spiffe_domain", "cert.spiffe.domain",
     attribute::certificate<&Certificate::spiffe_domain>, Attribute::Kind::host_glob},
    {"cert_spiffe_name", "cert.spiffe.name", attribute::certificate<&Certificate::spiffe_name>,
     Attribute::Kind::host_glob},
    {"cert_serial", "cert.serial", attribute::certificate<&Certificate::serial>,
     Attribute::Kind::glob, "serial"},
    {"cert_fingerprint", "cert.fingerprint", attribute::certificate<&Certificate::fingerprint>,
     Attribute::Kind::glob, "fingerprint"},
    {"listener", "listener", attribute::connection<&Identity::listener>},
    {"address", "", attribute::connection<&Identity::address>, Attribute::Kind::network},
});

/// The number of an attribute: its row in kAttributes.
using AttributeNumber = std::uint8_t;
static_assert(kAttributes.size() <= UINT8_MAX, "AttributeNumber is too narrow");

/// An attribute by the name of its key in `match`. A name that no row has does not compile.
class AttributeKey final {
 public:
  // Implicit, so that a key can be written as a literal: match["cert_cn"].
  consteval AttributeKey(const char* match)  // NOLINT(google-explicit-constructor)
      : number_(static_cast<AttributeNumber>(
            std::find_if(kAttributes.begin(), kAttributes.end(),
                         [match](const Attribute& row) { return row.match == match; }) -
            kAttributes.begin())) {
    static_cast<void>(kAttributes.at(number_));
  }
  [[nodiscard]] constexpr AttributeNumber number() const { return number_; }

 private:
  AttributeNumber number_;
};

}  // namespace sallyport
