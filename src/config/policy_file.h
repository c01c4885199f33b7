#pragma once

#include "sallyport/policy.h"

#include "config/reader.h"

namespace sallyport::config {

/// Reads the roles of one policy file and appends them to `spec`. Says what is wrong with keys,
/// types and values; what only makes sense across rules and files is left to Policy::compile().
void read_policy_file(const Node& root, Problems problems, policy::PolicySpec& spec);

}  // namespace sallyport::config
