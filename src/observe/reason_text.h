#pragma once

#include <string_view>

#include "sallyport/mqtt.h"

namespace sallyport::observe {

/// "not_authorized" for 0x87: what stands in the audit log and in the label `reason`. Static
/// storage; "unknown" for a byte that is no reason code.
[[nodiscard]] std::string_view reason_text(mqtt::ReasonCode reason);
/// Is this a reason code of the standard's table? 2.4
[[nodiscard]] bool is_known(mqtt::ReasonCode reason);

}  // namespace sallyport::observe
