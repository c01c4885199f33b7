#include "cli/check.h"

#include <chrono>

#include "app/assemble.h"
#include "app/tls_warnings.h"
#include "cli/put.h"

namespace sallyport::cli {

namespace {

std::string count(std::size_t number, const std::string& thing) {
  return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

}  // namespace

void print(const config::Diagnostics& diagnostics, std::FILE* err) {
  for (const config::Diagnostic& diagnostic : diagnostics) put(to_string(diagnostic), err);
  if (diagnostics.size() > 1) put(count(diagnostics.size(), "error"), err);
}

int check(const std::string& gateway_path, std::FILE* out, std::FILE* err) {
  const auto assembled = app::assemble(gateway_path);
  if (!assembled) {
    print(assembled.error(), err);
    return 1;
  }
  for (const std::string& line : app::tls_warnings(*assembled, std::chrono::system_clock::now())) {
    put(gateway_path + ": warning: " + line, err);
  }
  put(gateway_path + ": ok: " + count(assembled->options.listeners.size(), "listener") + ", " +
          count(assembled->policy->role_count(), "role") + ", " +
          count(assembled->policy->rule_count(), "rule"),
      out);
  return 0;
}

}  // namespace sallyport::cli
