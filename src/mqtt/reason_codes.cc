#include "mqtt/reason_codes.h"

#include <initializer_list>

namespace sallyport::mqtt {

namespace {

/// All codes that exist are below 0x40 or in 0x80 to 0xBF.
struct ReasonSet {
  std::uint64_t success = 0;
  std::uint64_t failure = 0;

  constexpr ReasonSet(std::initializer_list<int> codes) {
    for (const int code : codes) {
      (code < 0x80 ? success : failure) |= std::uint64_t{1} << (code & 0x3F);
    }
  }
  [[nodiscard]] constexpr ReasonSet operator|(const ReasonSet& other) const {
    ReasonSet out = *this;
    out.success |= other.success;
    out.failure |= other.failure;
    return out;
  }
  [[nodiscard]] constexpr bool contains(std::uint8_t code) const {
    if ((code & 0x40) != 0) return false;
    return ((code < 0x80 ? success : failure) >> (code & 0x3F) & 1) != 0;
  }
};

constexpr ReasonSet kConnack{0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
                             0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F};
constexpr ReasonSet kPubackFromClient{0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99};
// Whether somebody subscribes is only for the broker to know. 3.4.2.1
constexpr ReasonSet kPubackFromBroker = kPubackFromClient | ReasonSet{0x10};
constexpr ReasonSet kPubrel{0x00, 0x92};
constexpr ReasonSet kSuback{0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2};
constexpr ReasonSet kUnsuback{0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91};
constexpr ReasonSet kDisconnectFromBoth{0x00, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93,
                                        0x94, 0x95, 0x96, 0x97, 0x98, 0x99};
constexpr ReasonSet kDisconnectFromClient = kDisconnectFromBoth | ReasonSet{0x04};
// 0x8C is not in the table of 3.14.2.1, but 2.4 has it for DISCONNECT: reauthentication that fails.
constexpr ReasonSet kDisconnectFromBroker =
    kDisconnectFromBoth | ReasonSet{0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x9A,
                                    0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2};
// Only the broker ends an exchange, only the client starts one anew. 3.15.2.1
constexpr ReasonSet kAuthFromClient{0x18, 0x19};
constexpr ReasonSet kAuthFromBroker{0x00, 0x18};

}  // namespace

bool reason_allowed(PacketType type, Side from, std::uint8_t code) {
  const bool client = from == Side::client;
  switch (type) {
    case PacketType::connack:
      return kConnack.contains(code);
    case PacketType::puback:
    case PacketType::pubrec:
      return (client ? kPubackFromClient : kPubackFromBroker).contains(code);
    case PacketType::pubrel:
    case PacketType::pubcomp:
      return kPubrel.contains(code);
    case PacketType::suback:
      return kSuback.contains(code);
    case PacketType::unsuback:
      return kUnsuback.contains(code);
    case PacketType::disconnect:
      return (client ? kDisconnectFromClient : kDisconnectFromBroker).contains(code);
    case PacketType::auth:
      return (client ? kAuthFromClient : kAuthFromBroker).contains(code);
    default:
      return false;
  }
}

}  // namespace sallyport::mqtt
