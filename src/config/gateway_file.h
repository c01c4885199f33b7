#pragma once

#include <string>
#include <vector>

#include "config/keys.h"
#include "config/options.h"
#include "config/reader.h"

namespace sallyport::config {

/// Reads the tree of a gateway.toml that stands at `path`; what could be read where something is
/// wrong. Touches no file.
[[nodiscard]] GatewayOptions read_gateway_file(const Node& root, const std::string& path,
                                               Problems problems);

/// Every key of gateway.toml with what `options` say under it, in the order of the tables; those of
/// [[listener]] once for each listener.
[[nodiscard]] std::vector<KeyInfo> list_gateway_keys(const GatewayOptions& options);

}  // namespace sallyport::config
