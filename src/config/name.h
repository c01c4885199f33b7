#pragma once

#include "policy/name.h"

namespace sallyport::config {

// Listeners are named as roles and rules are.
using policy::is_name;
using policy::kNameHint;

}  // namespace sallyport::config
