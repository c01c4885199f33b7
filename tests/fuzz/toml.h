#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "config/document.h"
#include "config/load.h"

namespace sallyport::fuzz {

/// Reads the tree of one file that is called kFile, and appends what is wrong.
using ReadTree = std::function<void(const config::Node& root, config::Diagnostics& diagnostics)>;

inline const std::string kFile = "fuzz.toml";

/// Parses and reads a text, and checks what holds of every text: it is accepted or something is
/// said about it; what is said is printable, short and stands somewhere in the text; no accepted
/// text holds a key that nobody knows; and an empty line at the top moves everything that is said
/// by one line. True: accepted.
bool check_text(std::string_view text, const ReadTree& read);

/// What holds of every list of diagnostics.
void check_diagnostics(const config::Diagnostics& diagnostics, std::string_view text);

}  // namespace sallyport::fuzz
