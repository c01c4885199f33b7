#include "sallyport/checks.h"

#include <cstddef>

namespace sallyport {

namespace {

struct CheckText {
  std::string_view name;
  std::string_view text;
};
constexpr CheckText kChecks[] = {
#define X(enumerator, name, text) {name, text},
    SALLYPORT_CHECKS(X)
#undef X
};

}  // namespace

std::string_view to_string(Check check) { return kChecks[static_cast<std::size_t>(check)].name; }
std::string_view describe(Check check) { return kChecks[static_cast<std::size_t>(check)].text; }

}  // namespace sallyport
