#pragma once

#include <expected>
#include <string>
#include <vector>

#include "config/options.h"

namespace sallyport::config {

/// One thing wrong with a file an operator wrote.
struct Diagnostic {
  policy::Origin origin;  // line 0: the file as a whole
  std::string message;    // what is wrong, with the key and the value
  std::string hint;       // what is accepted, or what to do; may be empty
};
/// "gateway.toml:12:9: error: unknown key "adress" in [broker]\n  hint: did you mean "address"?"
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

using Diagnostics = std::vector<Diagnostic>;
/// By file, line and column, so that an operator can work through them from the top.
void sort(Diagnostics& diagnostics);

/// gateway.toml alone: syntax, keys, values. All errors at once (a syntax error is reported alone).
[[nodiscard]] std::expected<GatewayOptions, Diagnostics> load_gateway(const std::string& path);
/// The same for a caller that goes on to look for what else is wrong: what could be read, and
/// appended to `diagnostics` why the rest could not. Not to be run with unless none were appended.
[[nodiscard]] GatewayOptions load_gateway(const std::string& path, Diagnostics& diagnostics);

/// All policy files that options.policy_files name, merged and compiled; all errors of all files at
/// once. A pattern that matches no file is an error, and so is a policy without a role. A file that
/// matches twice is read once. Roles may name only listeners of `options`; where it has none, that
/// is not checked.
[[nodiscard]] std::expected<policy::Policy::Ptr, Diagnostics> load_policy(
    const GatewayOptions& options);

}  // namespace sallyport::config
