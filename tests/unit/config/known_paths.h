#pragma once

#include <set>
#include <string>

#include "config/document.h"

namespace sallyport::config::test {

/// What the readers accept: a key that gets past them and is not here was ignored. "[]" is an item
/// of an array. Keys of gateway.toml come from its tables, those of policy files are said once
/// more.
[[nodiscard]] const std::set<std::string>& known_paths();

/// The first key of a tree that is not known; empty: all are.
[[nodiscard]] std::string unknown_key(const Node& node, const std::string& path = "");

}  // namespace sallyport::config::test
