#pragma once

#include <cstdint>

#include "sallyport/mqtt.h"

namespace sallyport::mqtt {

/// May a packet of this type, sent by this side, carry this reason code of MQTT 5? For SUBACK and
/// UNSUBACK asked of every code of the payload. False for types that carry none. 2.4 and the tables
/// of 3.2.2.2, 3.4.2.1, 3.5.2.1, 3.6.2.1, 3.7.2.1, 3.9.3, 3.11.3, 3.14.2.1, 3.15.2.1
[[nodiscard]] bool reason_allowed(PacketType type, Side from, std::uint8_t code);

}  // namespace sallyport::mqtt
