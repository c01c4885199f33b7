#pragma once

#include <cstdint>

#include "sallyport/policy.h"

/// Policies to measure with. Their filters and topics fit each other; the client is "bench-1".
namespace sallyport::bench {

/// One role for everybody with `rules` rules, each for a line of its own ("plant/line-7/..."), one
/// in ten of them a deny rule. All rules count for the client, so nothing can be left out early.
[[nodiscard]] policy::PolicySpec one_role(std::uint64_t rules);

/// A site's policy: `roles` roles of ten rules each. Every one has its own client identifiers, but
/// for two: the fleet that "bench-1" belongs to and a role for everybody. Bounds are on, and so
/// high that they never hold anybody up.
[[nodiscard]] policy::PolicySpec site(std::uint64_t roles);

/// How the roles of tenants() say whose they are.
enum class MatchBy : std::uint8_t { literal, prefix, suffix };
/// `roles` roles, one for each tenant, that ask for the common name: "tenant-7", "tenant-7-*" or
/// "*-tenant-7".
[[nodiscard]] policy::PolicySpec tenants(std::uint64_t roles, MatchBy by);
/// A client of tenant 17.
[[nodiscard]] Identity tenant_identity(MatchBy by);

/// Throws std::logic_error with the first error.
[[nodiscard]] policy::Policy::Ptr compile(const policy::PolicySpec& spec);

/// The client, with a certificate.
[[nodiscard]] Identity bench_identity();

}  // namespace sallyport::bench
