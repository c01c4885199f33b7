#pragma once

#include "sallyport/limits.h"

#include "config/reader.h"

namespace sallyport::config {

/// Where a table of limits stands. A role is known once CONNECT has been read, and may only lower
/// what its listener says, so it has no key for what is over by then, or would only raise.
enum class LimitsOf { listener, role };

/// Reads the keys of a table of limits: [limits], `limits` in [[listener]], or `limits` of a role.
/// Keys that are not there keep what `limits` already says. True: one of them is there. Does not
/// call finish(), for a role has other keys in the same table.
bool read_limits(TableReader& table, Limits& limits, LimitsOf whose);

}  // namespace sallyport::config
