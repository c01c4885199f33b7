#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/policy.h"

#include "config/diagnostic.h"
#include "config/options.h"

namespace sallyport::config {

/// gateway.toml alone: syntax, keys, values. All errors at once (a syntax error is reported alone).
[[nodiscard]] std::expected<GatewayOptions, Diagnostics> load_gateway(const std::string& path);
/// The same for a caller that goes on to look for what else is wrong: what could be read, and
/// appended to `diagnostics` why the rest could not. Not to be run with unless none were appended.
[[nodiscard]] GatewayOptions load_gateway(const std::string& path, Diagnostics& diagnostics);

/// The files that patterns name, each once, by whatever name it comes first; `what` they are, for
/// messages. A pattern that matches no file is a diagnostic at `origin`, and so are too many files.
[[nodiscard]] std::vector<std::string> find_files(const std::vector<std::string>& patterns,
                                                  std::string_view what, const Origin& origin,
                                                  Diagnostics& diagnostics);

/// All policy files that options.policy_files name, merged and compiled; all errors of all files at
/// once. A pattern that matches no file is an error, and so is a policy without a role. A file that
/// matches twice is read once. Roles may name only listeners of `options`; where it has none, that
/// is not checked.
[[nodiscard]] std::expected<policy::Policy::Ptr, Diagnostics> load_policy(
    const GatewayOptions& options);
/// The paths that a pattern matches now, sorted; none where a folder in it cannot be read.
[[nodiscard]] std::vector<std::string> expand_glob(const std::string& pattern);

}  // namespace sallyport::config
