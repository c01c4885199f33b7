#include <string>

#include <doctest/doctest.h>

#include "packets.h"

/// CONNACK. 3.2
namespace sallyport::mqtt::test {

namespace {

std::string connack_is(std::string_view bytes, Version version) {
  return outcome(bytes, kBroker, version);
}

}  // namespace

TEST_CASE("3.2.2.3: everything that a CONNACK says is read") {
  const std::string bytes =
      wire::connack(wire::v5, 0,
                    wire::receive_maximum(3) + wire::u8(0x24) + wire::u8(1) + wire::u8(0x25) +
                        wire::u8(0) + wire::maximum_packet_size(5000) +
                        wire::assigned_client_id("auto-7") + wire::topic_alias_maximum(9) +
                        wire::server_keep_alive(77) + wire::authentication_method("SCRAM"),
                    true);
  const auto packet = decode_connack(frame_of(bytes, kBroker, Version::v5), Version::v5, {});
  REQUIRE(packet);
  CHECK(packet->session_present);
  CHECK(packet->code == 0);
  CHECK(packet->receive_maximum == 3);
  CHECK(packet->maximum_qos == 1);
  CHECK_FALSE(packet->retain_available);
  CHECK(packet->maximum_packet_size == 5000);
  CHECK(packet->assigned_client_id == "auto-7");
  CHECK(packet->topic_alias_maximum == 9);
  CHECK(packet->server_keep_alive == 77);
  CHECK(packet->authentication_method == "SCRAM");
}

TEST_CASE("3.2.2.3: absent properties have the standard's values") {
  for (const Version v : kVersions) {
    const std::string bytes = wire::connack(level(v));
    const auto packet = decode_connack(frame_of(bytes, kBroker, v), v, {});
    REQUIRE(packet);
    CHECK_FALSE(packet->session_present);
    CHECK(packet->receive_maximum == 65'535);
    CHECK(packet->maximum_qos == 2);
    CHECK(packet->retain_available);
    CHECK_FALSE(packet->maximum_packet_size);
    CHECK_FALSE(packet->assigned_client_id);
    CHECK(packet->topic_alias_maximum == 0);
    CHECK_FALSE(packet->server_keep_alive);
    CHECK_FALSE(packet->authentication_method);
    CHECK(packet->properties.raw.empty());
  }
}

TEST_CASE("[MQTT-3.2.2-1 (5.0)] seven bits of the first byte are reserved") {
  for (unsigned flags = 0; flags < 256; ++flags) {
    const std::string three = wire::packet(0x20, wire::u8(flags) + wire::u8(0));
    const std::string five = wire::packet(0x20, wire::u8(flags) + wire::u8(0) + wire::u8(0));
    const char* expected = flags < 2 ? "ok" : "mqtt.connack-flags 81";
    CHECK(connack_is(three, Version::v3_1_1) == expected);
    CHECK(connack_is(five, Version::v5) == expected);
    CHECK(connack_is(three, Version::v3_1) == "ok");  // 3.1 does not use the byte
    const auto old = decode_connack(frame_of(three, kBroker, Version::v3_1), Version::v3_1, {});
    REQUIRE(old);
    CHECK_FALSE(old->session_present);
  }
}

TEST_CASE("[MQTT-3.2.2-4 (3.1.1)] [MQTT-3.2.2-6 (5.0)] a refusal never says session present") {
  CHECK(connack_is(wire::connack(wire::v3_1_1, 5, {}, true), Version::v3_1_1) ==
        "mqtt.connack-flags 82");
  CHECK(connack_is(wire::connack(wire::v5, 0x87, {}, true), Version::v5) ==
        "mqtt.connack-flags 82");
  CHECK(connack_is(wire::connack(wire::v3_1_1, 0, {}, true), Version::v3_1_1) == "ok");
  CHECK(connack_is(wire::connack(wire::v5, 0, {}, true), Version::v5) == "ok");
}

TEST_CASE("3.2.2.3 of 3.1.1: return codes go up to 5") {
  for (unsigned code = 0; code < 256; ++code) {
    for (const Version v : {Version::v3_1, Version::v3_1_1}) {
      CHECK(connack_is(wire::connack(level(v), code), v) ==
            std::string(code <= 5 ? "ok" : "mqtt.reason-code 81"));
    }
  }
}

TEST_CASE("a broker that knows only 3.1.1 may refuse a client of 5.0 in its own words") {
  const std::string bytes = hex("20 02 00 01");
  const auto packet = decode_connack(frame_of(bytes, kBroker, Version::v5), Version::v5, {});
  REQUIRE(packet);
  CHECK(packet->code == 0x84);
  CHECK(connack_is(hex("20 02 01 01"), Version::v5) == "mqtt.truncated 81");
  for (const char* other : {"20 02 00 00", "20 02 00 05", "20 02 00 84"}) {
    CHECK(connack_is(hex(other), Version::v5) == "mqtt.truncated 81");
  }
}

TEST_CASE("3.2: bytes behind the end of CONNACK's properties are refused") {
  CHECK(connack_is(hex("20 04 00 00 00 00"), Version::v5) == "mqtt.trailing-bytes 81");
  CHECK(connack_is(hex("20 03 00 00 01"), Version::v5) == "mqtt.property-length 81");
}

}  // namespace sallyport::mqtt::test
