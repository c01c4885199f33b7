#pragma once

#include <algorithm>
#include <cstdint>

#include "sallyport/time.h"

namespace sallyport {

/// What one connection may ask of the gateway. A listener sets these; a role may lower them
/// (strictest()), never raise them. Sizes in bytes.
struct Limits {
  // Before an accepted CONNECT: an unknown peer gets little room and little time.
  std::uint32_t max_packet_before_connect = 16 * 1024;
  Duration connect_timeout = std::chrono::seconds(10);  // TLS handshake and CONNECT together

  std::uint32_t max_packet = 256 * 1024;  // whole control packet, from the client
  std::uint16_t max_topic_length = 1024;
  std::uint16_t max_topic_levels = 32;
  std::uint16_t max_client_id_length = 128;
  std::uint16_t max_filters = 32;  // per SUBSCRIBE or UNSUBSCRIBE
  std::uint16_t max_user_properties = 20;
  std::uint32_t max_user_property_bytes = 4096;
  std::uint16_t max_topic_aliases = 16;    // each direction
  std::uint16_t max_qos2_in_flight = 100;  // from the client, not yet completed
  std::uint16_t max_requests = 64;         // SUBSCRIBEs refused in part and not yet answered
  std::uint16_t max_keep_alive = 1200;     // seconds; also applied where a client asks for none
  bool refuse_control_characters = true;   // U+0001..U+001F, U+007F..U+009F and non-characters
  bool bridges = false;                    // accept protocol levels 0x83 and 0x84
};

/// Field by field the lower bound of both.
[[nodiscard]] Limits strictest(const Limits& a, const Limits& b);

}  // namespace sallyport
