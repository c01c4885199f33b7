#pragma once

#include <nlohmann/json_fwd.hpp>

#include "sallyport/bytes.h"
#include "sallyport/packet.h"

/// What the decoders make of bytes, as JSON, so that another implementation's reading can be
/// compared with it field by field. Strings and binary data are hexadecimal.
namespace sallyport::differential {

/// Walks over all of `bytes`, packet after packet:
///   {"packets": [...], "end": "whole" | "incomplete"}
///   {"packets": [...], "end": "refused", "check": "mqtt.utf8", "reason": 129}
/// and "shortcut", a text, where read_plain_publish() does not say what the decoder says.
/// A CONNECT decides the version of what follows it, as it does in a session. `from` decides what
/// may come. No limit of the gateway's is applied, and control characters pass: this is about the
/// standard.
[[nodiscard]] nlohmann::json describe_stream(Bytes bytes, Side from, mqtt::Version version);

[[nodiscard]] std::string to_hex(Bytes bytes);

}  // namespace sallyport::differential
