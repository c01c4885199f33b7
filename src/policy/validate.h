#pragma once

#include <vector>

#include "sallyport/policy.h"

namespace sallyport::policy {

/// Everything that is wrong with a spec, in the order in which it is written. Empty: it compiles.
[[nodiscard]] std::vector<PolicyError> validate(const PolicySpec& spec);

}  // namespace sallyport::policy
