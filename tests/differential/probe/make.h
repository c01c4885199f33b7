#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sallyport/bytes.h"

namespace sallyport::differential {

/// Runs one of the gateway's own encoders or rewrites, as `request` says; the bytes of a rewrite's
/// input are in `given`. True: what was made is in `out`. False: the encoder declined, or `given`
/// is no packet of the kind that the rewrite is for. Throws json's exception where a key is
/// missing, and std::invalid_argument where there is no such encoder.
[[nodiscard]] bool make_packet(const nlohmann::json& request, Bytes given, Buffer& out);

}  // namespace sallyport::differential
