#pragma once

#include <cstdint>
#include <string_view>

#include "sallyport/checks.h"

/// The vocabulary of MQTT: what has a number on the wire.
namespace sallyport {

/// Where bytes come from, or go to.
enum class Side : std::uint8_t { client, broker };
[[nodiscard]] constexpr Side other(Side side) {
  return side == Side::client ? Side::broker : Side::client;
}
[[nodiscard]] std::string_view to_string(Side side);

namespace mqtt {

/// Protocol levels, as the byte in CONNECT. [MQTT-3.1.2-2]
enum class Version : std::uint8_t { v3_1 = 3, v3_1_1 = 4, v5 = 5 };
[[nodiscard]] std::string_view to_string(Version version);

/// Control packet types, as in the high nibble of the first byte. 2.1.2
enum class PacketType : std::uint8_t {
  reserved = 0,
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  unsubscribe = 10,
  unsuback = 11,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
  auth = 15,
};
/// "CONNECT", "PUBLISH", ... as the standard writes them.
[[nodiscard]] std::string_view to_string(PacketType type);

/// MQTT 5 reason codes. 2.4
enum class ReasonCode : std::uint8_t {
  success = 0x00,
  granted_qos_1 = 0x01,
  granted_qos_2 = 0x02,
  disconnect_with_will = 0x04,
  no_matching_subscribers = 0x10,
  no_subscription_existed = 0x11,
  continue_authentication = 0x18,
  reauthenticate = 0x19,
  unspecified_error = 0x80,
  malformed_packet = 0x81,
  protocol_error = 0x82,
  implementation_specific_error = 0x83,
  unsupported_protocol_version = 0x84,
  client_identifier_not_valid = 0x85,
  bad_user_name_or_password = 0x86,
  not_authorized = 0x87,
  server_unavailable = 0x88,
  server_busy = 0x89,
  banned = 0x8A,
  server_shutting_down = 0x8B,
  bad_authentication_method = 0x8C,
  keep_alive_timeout = 0x8D,
  session_taken_over = 0x8E,
  topic_filter_invalid = 0x8F,
  topic_name_invalid = 0x90,
  packet_identifier_in_use = 0x91,
  packet_identifier_not_found = 0x92,
  receive_maximum_exceeded = 0x93,
  topic_alias_invalid = 0x94,
  packet_too_large = 0x95,
  message_rate_too_high = 0x96,
  quota_exceeded = 0x97,
  administrative_action = 0x98,
  payload_format_invalid = 0x99,
  retain_not_supported = 0x9A,
  qos_not_supported = 0x9B,
  use_another_server = 0x9C,
  server_moved = 0x9D,
  shared_subscriptions_not_supported = 0x9E,
  connection_rate_exceeded = 0x9F,
  maximum_connect_time = 0xA0,
  subscription_identifiers_not_supported = 0xA1,
  wildcard_subscriptions_not_supported = 0xA2,
};

/// CONNACK return codes of MQTT 3.1 and 3.1.1. 3.2.2.3
enum class ConnectReturnCode : std::uint8_t {
  accepted = 0,
  unacceptable_protocol_version = 1,
  identifier_rejected = 2,
  server_unavailable = 3,
  bad_user_name_or_password = 4,
  not_authorized = 5,
};
/// The 3.x return code that says most nearly what an MQTT 5 reason code says.
[[nodiscard]] ConnectReturnCode to_return_code(ReasonCode reason);
/// What a code of CONNACK says, in MQTT 5's words; one of 3.x that does not exist is
/// unspecified_error.
[[nodiscard]] ReasonCode connack_reason(Version version, std::uint8_t code);

/// SUBACK failure of MQTT 3.1.1. [MQTT-3.9.3-2]
inline constexpr std::uint8_t kSubackFailure = 0x80;

/// Largest Remaining Length that four bytes can say. 2.2.3 (3.1.1), 1.5.5 (5.0)
inline constexpr std::uint32_t kMaxRemainingLength = 268'435'455;

/// Property identifiers. 2.2.2.2 (5.0)
enum class Property : std::uint8_t {
  payload_format_indicator = 0x01,
  message_expiry_interval = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_identifier = 0x0B,
  session_expiry_interval = 0x11,
  assigned_client_identifier = 0x12,
  server_keep_alive = 0x13,
  authentication_method = 0x15,
  authentication_data = 0x16,
  request_problem_information = 0x17,
  will_delay_interval = 0x18,
  request_response_information = 0x19,
  response_information = 0x1A,
  server_reference = 0x1C,
  reason_string = 0x1F,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_subscription_available = 0x28,
  subscription_identifier_available = 0x29,
  shared_subscription_available = 0x2A,
};

/// Why bytes are not what they should be: the check that found it, and the reason code that the
/// standard gives for it. 4.13 (5.0)
struct Malformed {
  Check check;
  ReasonCode reason;
};

}  // namespace mqtt
}  // namespace sallyport
