#pragma once

#include <string_view>

namespace sallyport {

/// What a program was built from, for `--version` and for whoever looks at many gateways at once.
/// Where something is not known it says "unknown". The texts live as long as the process.
struct BuildInfo {
  std::string_view version = "unknown";
  std::string_view revision = "unknown";  // of the source, as `git describe` says it
  std::string_view compiler = "unknown";  // "gcc 12.2.0"
  std::string_view tls_library = "unknown";
  std::string_view tls_revision = "unknown";  // a commit, or the version of a package
};

}  // namespace sallyport
