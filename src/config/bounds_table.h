#pragma once

#include "sallyport/bounds.h"

#include "config/reader.h"

namespace sallyport::config {

/// Where a table of bounds stands. A role is known once CONNECT has been read, and may only lower
/// what its listener says, so it has no key for what is over by then, or would only raise.
enum class BoundsOf { listener, role };

/// Reads the keys of a table of bounds: [limits], `limits` in [[listener]], or `limits` of a role.
/// Keys that are not there keep what `bounds` already says. True: one of them is there. Does not
/// call finish(), for a role has other keys in the same table.
bool read_bounds(TableReader& table, Bounds& bounds, BoundsOf whose);

}  // namespace sallyport::config
