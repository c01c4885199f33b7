#pragma once

#include <nlohmann/json_fwd.hpp>

namespace sallyport::differential {

/// Plays bytes through a whole session, under a policy that allows everything and bounds that
/// nobody has to be told of: {"do": "play", "steps": [{"from": "client", "bytes": "c000"}, ...]}.
/// The broker's connection is there as soon as the session asks for it. Returns
///   {"client": hex, "broker": hex, "closed": true, "refusals": ["mqtt.utf8 disconnect", ...]}
/// where `client` and `broker` are what either side got.
[[nodiscard]] nlohmann::json play(const nlohmann::json& request);

}  // namespace sallyport::differential
