#pragma once

#include <string>
#include <vector>

#include "sallyport/origin.h"

namespace sallyport::config {

/// One thing wrong with a file an operator wrote.
struct Diagnostic {
  Origin origin;        // line 0: the file as a whole
  std::string message;  // what is wrong, with the key and the value
  std::string hint;     // what is accepted, or what to do; may be empty
};
/// "gateway.toml:12:9: error: unknown key "adress" in [broker]\n  hint: did you mean "address"?"
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

using Diagnostics = std::vector<Diagnostic>;
/// By file, line and column, so that an operator can work through them from the top.
void sort(Diagnostics& diagnostics);

}  // namespace sallyport::config
