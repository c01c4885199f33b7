#pragma once

#include <set>
#include <string>

#include "config/document.h"

namespace sallyport::config::test {

/// What the readers accept, said once more and in another way: a key that gets past them and is not
/// here was ignored. "[]" is an item of an array.
[[nodiscard]] const std::set<std::string>& known_paths();

/// The first key of a tree that is not known; empty: all are.
[[nodiscard]] std::string unknown_key(const Node& node, const std::string& path = "");

}  // namespace sallyport::config::test
