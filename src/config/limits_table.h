#pragma once

#include "sallyport/limits.h"

#include "config/reader.h"

namespace sallyport::config {

/// Reads a `limits` table: [limits], or `limits` in [[listener]]. Keys that are not there keep what
/// `limits` already says. Calls finish().
void read_limits(TableReader table, Limits& limits);

}  // namespace sallyport::config
