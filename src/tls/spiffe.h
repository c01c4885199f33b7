#pragma once

#include <optional>
#include <string_view>

/// SPIFFE identifiers: spiffe://trust-domain/path, "The SPIFFE Identity and Verifiable Identity
/// Document", 2.
namespace sallyport::tls {

struct SpiffeId {
  std::string_view domain;
  std::string_view name;  // last segment of the path; empty: there is no path
};

[[nodiscard]] bool is_spiffe(std::string_view uri);
/// Strict, so that each identifier has one form: lower case in scheme and trust domain, letters,
/// digits, `.`, `-` and `_` in segments, none of them empty, `.` or `..`; no port, user, query or
/// fragment. Nothing: malformed. Views into `uri`.
[[nodiscard]] std::optional<SpiffeId> parse_spiffe(std::string_view uri);

}  // namespace sallyport::tls
