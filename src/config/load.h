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

/// gateway.toml alone: syntax, keys, values. All errors at once (a syntax error is reported alone).
[[nodiscard]] std::expected<GatewayOptions, Diagnostics> load_gateway(const std::string& path);

/// All policy files that options.policy_files name, merged and compiled. A pattern that matches no
/// file is an error.
[[nodiscard]] std::expected<policy::Policy::Ptr, Diagnostics> load_policy(
    const GatewayOptions& options);

}  // namespace sallyport::config
