#include "sallyport/checks.h"

#include <cstddef>
#include <iterator>

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

std::optional<Check> find_check(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kChecks); ++i) {
    if (kChecks[i].name == name) return static_cast<Check>(i);
  }
  return std::nullopt;
}

}  // namespace sallyport
