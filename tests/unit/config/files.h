#pragma once

#include <algorithm>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "../tls/pki.h"
#include "config/load.h"
#include "known_paths.h"

/// Gateway and policy files that live as long as a test.
namespace sallyport::config::test {

using tls::test::Folder;

/// The least that loads; line 8 is the first free one.
inline constexpr std::string_view kGateway =
    "[broker]\n"
    "address = \"127.0.0.1:1883\"\n"
    "[policy]\n"
    "files = [\"*.policy\"]\n"
    "[[listener]]\n"
    "name = \"devices\"\n"
    "address = \"0.0.0.0:8883\"\n";

[[nodiscard]] inline std::expected<GatewayOptions, Diagnostics> gateway(const Folder& folder,
                                                                        std::string_view text) {
  return load_gateway(folder.write("gateway.toml", text));
}
[[nodiscard]] inline std::expected<GatewayOptions, Diagnostics> gateway(std::string_view text) {
  const Folder folder;
  return gateway(folder, text);
}

/// One policy file for one listener, "devices".
[[nodiscard]] inline std::expected<policy::Policy::Ptr, Diagnostics> policy_of(
    std::string_view text) {
  const Folder folder;
  GatewayOptions options;
  options.file = folder.path("gateway.toml");
  options.policy_files = {folder.write("test.policy", text)};
  options.listeners.emplace_back().name = "devices";
  return load_policy(options);
}

/// "line:column", without the file.
[[nodiscard]] inline std::string place(const Diagnostic& diagnostic) {
  return std::to_string(diagnostic.origin.line) + ":" + std::to_string(diagnostic.origin.column);
}

/// All of them as an operator sees them, to show where a test fails.
[[nodiscard]] inline std::string all(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += to_string(diagnostic) + "\n";
  return text;
}

/// Is there one at `where` whose message and hint, taken together, hold `fragment`?
[[nodiscard]] inline bool has(const Diagnostics& diagnostics, std::string_view where,
                              std::string_view fragment) {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [&](const Diagnostic& diagnostic) {
    const std::string words = diagnostic.message + "\n" + diagnostic.hint;
    return place(diagnostic) == where && words.find(fragment) != std::string::npos;
  });
}

/// A text that must be refused, and what must be said about it.
struct Bad {
  std::string_view text;
  std::string_view where;     // "line:column"
  std::string_view fragment;  // of message and hint
};

}  // namespace sallyport::config::test
