#pragma once

#include <optional>
#include <string_view>

#include "sallyport/checks.h"

namespace sallyport::mqtt {

/// Well-formed UTF-8 without U+0000 and surrogates [MQTT-1.5.4-1] [MQTT-1.5.4-2]; with
/// `refuse_control_characters` also without those that the standard discourages (1.5.4).
[[nodiscard]] std::optional<Check> check_utf8(std::string_view text,
                                              bool refuse_control_characters);

}  // namespace sallyport::mqtt
