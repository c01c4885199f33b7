#pragma once

#include <string>
#include <vector>

#include "sallyport/bounds.h"

#include "config/keys.h"

namespace sallyport::config {

/// Where a table of bounds stands. A role is known once CONNECT has been read, and may only lower
/// what its listener says, so it has no key for what is over by then, or would only raise.
enum class BoundsOf { listener, role };

/// Reads the keys of a table of bounds: [limits], `limits` in [[listener]], or `limits` of a role.
/// Keys that are not there keep what `bounds` already says. Returns true if one of them is there.
/// Does not call finish(), because a role has other keys in the same table.
bool read_bounds(TableReader& table, Bounds& bounds, BoundsOf whose);

/// As list_keys().
void list_bounds(const Bounds& bounds, const std::string& path, std::vector<KeyInfo>& out);

}  // namespace sallyport::config
