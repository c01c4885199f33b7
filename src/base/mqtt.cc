#include "sallyport/mqtt.h"

#include <array>

namespace sallyport {

std::string_view to_string(Side side) { return side == Side::client ? "client" : "broker"; }

namespace mqtt {

std::string_view to_string(Version version) {
  switch (version) {
    case Version::v3_1:
      return "3.1";
    case Version::v3_1_1:
      return "3.1.1";
    case Version::v5:
      return "5.0";
  }
  return "unknown";
}

std::string_view to_string(PacketType type) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "RESERVED", "CONNECT",  "CONNACK",    "PUBLISH", "PUBACK",      "PUBREC",
      "PUBREL",   "PUBCOMP",  "SUBSCRIBE",  "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
      "PINGREQ",  "PINGRESP", "DISCONNECT", "AUTH"};
  return kNames[static_cast<std::size_t>(type) & 0x0F];
}

ConnectReturnCode to_return_code(ReasonCode reason) {
  switch (reason) {
    case ReasonCode::success:
      return ConnectReturnCode::accepted;
    case ReasonCode::unsupported_protocol_version:
      return ConnectReturnCode::unacceptable_protocol_version;
    case ReasonCode::client_identifier_not_valid:
      return ConnectReturnCode::identifier_rejected;
    case ReasonCode::server_unavailable:
    case ReasonCode::server_busy:
    case ReasonCode::server_shutting_down:
    case ReasonCode::connection_rate_exceeded:
    case ReasonCode::quota_exceeded:
      return ConnectReturnCode::server_unavailable;
    case ReasonCode::bad_user_name_or_password:
    case ReasonCode::bad_authentication_method:
      return ConnectReturnCode::bad_user_name_or_password;
    default:
      return ConnectReturnCode::not_authorized;
  }
}

ReasonCode connack_reason(Version version, std::uint8_t code) {
  if (version == Version::v5) return static_cast<ReasonCode>(code);
  switch (static_cast<ConnectReturnCode>(code)) {
    case ConnectReturnCode::accepted:
      return ReasonCode::success;
    case ConnectReturnCode::unacceptable_protocol_version:
      return ReasonCode::unsupported_protocol_version;
    case ConnectReturnCode::identifier_rejected:
      return ReasonCode::client_identifier_not_valid;
    case ConnectReturnCode::server_unavailable:
      return ReasonCode::server_unavailable;
    case ConnectReturnCode::bad_user_name_or_password:
      return ReasonCode::bad_user_name_or_password;
    case ConnectReturnCode::not_authorized:
      return ReasonCode::not_authorized;
  }
  return ReasonCode::unspecified_error;
}

}  // namespace mqtt
}  // namespace sallyport
