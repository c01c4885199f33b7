#include <set>
#include <string>

#include <doctest/doctest.h>

#include "mqtt/reason_codes.h"
#include "packets.h"

/// Which reason codes a packet may carry, through the decoders, for all 256 values.
namespace sallyport::mqtt::test {

namespace {

struct Row {
  PacketType type;
  Side from;
  std::set<unsigned> codes;
};

// Written out once more from the tables of the sections, so that a slip in one is seen.
const Row kRows[] = {
    {PacketType::connack, kBroker, {0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86,
                                    0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97,
                                    0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F}},
    {PacketType::puback, kClient, {0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}},
    {PacketType::puback, kBroker, {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}},
    {PacketType::pubrec, kClient, {0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}},
    {PacketType::pubrec, kBroker, {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99}},
    {PacketType::pubrel, kClient, {0x00, 0x92}},
    {PacketType::pubrel, kBroker, {0x00, 0x92}},
    {PacketType::pubcomp, kClient, {0x00, 0x92}},
    {PacketType::pubcomp, kBroker, {0x00, 0x92}},
    {PacketType::suback,
     kBroker,
     {0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2}},
    {PacketType::unsuback, kBroker, {0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91}},
    {PacketType::disconnect,
     kClient,
     {0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99}},
    {PacketType::disconnect, kBroker, {0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8C, 0x8D,
                                       0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
                                       0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2}},
    {PacketType::auth, kClient, {0x18, 0x19}},
    {PacketType::auth, kBroker, {0x00, 0x18}},
};

std::string packet_with(PacketType type, unsigned code) {
  const unsigned number = static_cast<unsigned>(type);
  switch (type) {
    case PacketType::connack:
      return wire::connack(wire::v5, code);
    case PacketType::suback:
      return wire::suback(wire::v5, 1, {code});
    case PacketType::unsuback:
      return wire::packet(0xB0, wire::u16(1) + wire::u8(0) + wire::u8(code));
    case PacketType::disconnect:
      return wire::disconnect(code);
    case PacketType::auth:
      return wire::packet(
          0xF0, wire::u8(code) + wire::properties(wire::v5, wire::authentication_method("X")));
    default:
      return wire::ack(number, 1, code);
  }
}

}  // namespace

TEST_CASE(
    "[MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2 "
    "(5.0)] "
    "[MQTT-3.11.3-2] [MQTT-3.14.2-1] [MQTT-3.15.2-1] reason codes by packet and side") {
  for (const Row& row : kRows) {
    for (unsigned code = 0; code < 256; ++code) {
      CAPTURE(to_string(row.type));
      CAPTURE(to_string(row.from));
      CAPTURE(code);
      CHECK(outcome(packet_with(row.type, code), row.from, Version::v5) ==
            std::string(row.codes.contains(code) ? "ok" : "mqtt.reason-code 82"));
    }
  }
}

TEST_CASE("2.4: packets without a reason code allow none") {
  for (const PacketType type : {PacketType::publish, PacketType::connect, PacketType::pingreq,
                                PacketType::subscribe, PacketType::reserved}) {
    CHECK_FALSE(reason_allowed(type, kClient, 0));
    CHECK_FALSE(reason_allowed(type, kBroker, 0x80));
  }
}

}  // namespace sallyport::mqtt::test
