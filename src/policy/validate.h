#pragma once

#include <vector>

#include "sallyport/policy.h"

namespace sallyport::policy {

struct Validation {
  std::vector<PolicyError> errors;  // in the order in which the spec is written
  bool incomplete = false;          // something in the spec is marked so
};

/// Everything that is wrong with a spec. It may be compiled if there is no error and nothing is
/// incomplete.
[[nodiscard]] Validation validate(const PolicySpec& spec);

}  // namespace sallyport::policy
