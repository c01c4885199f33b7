#pragma once

#include "config/options.h"
#include "config/reader.h"

namespace sallyport::config {

/// Reads the tree of a gateway.toml that stands at `path`; what could be read where something is
/// wrong. Touches no file.
[[nodiscard]] GatewayOptions read_gateway_file(const Node& root, const std::string& path,
                                               Problems problems);

}  // namespace sallyport::config
