#include <string>

#include <doctest/doctest.h>

#include "packets.h"

/// PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT, AUTH. 3.4 to 3.7, 3.14, 3.15
namespace sallyport::mqtt::test {

namespace {

using wire::u16, wire::u8;

constexpr unsigned kAcks[] = {4, 5, 6, 7};

unsigned first(unsigned type) { return type << 4 | (type == 6 ? 2U : 0U); }
std::string reason_string(std::string_view why) { return u8(0x1F) + wire::text(why); }

}  // namespace

TEST_CASE("3.4 to 3.7: an acknowledgement of two bytes is success, in every version") {
  for (const Version v : kVersions) {
    for (const unsigned type : kAcks) {
      for (const Side from : {kClient, kBroker}) {
        const std::string bytes = wire::ack(type, 0xBEEF);
        const auto packet = decode_ack(frame_of(bytes, from, v), from, v, {});
        REQUIRE(packet);
        CHECK(packet->type == static_cast<PacketType>(type));
        CHECK(packet->packet_id == 0xBEEF);
        CHECK(packet->reason == ReasonCode::success);
        CHECK(packet->properties.raw.empty());
      }
    }
  }
}

TEST_CASE("3.4.2.1, 3.4.2.2.1: a reason code, with or without properties behind it") {
  for (const unsigned type : kAcks) {
    const unsigned reason = type < 6 ? 0x97 : 0x92;
    const std::string alone = wire::ack(type, 1, reason);
    const std::string with = wire::packet(
        first(type), u16(1) + u8(reason) + wire::properties(wire::v5, reason_string("why")));
    const std::string empty = wire::packet(first(type), u16(1) + u8(reason) + u8(0));
    for (const std::string& bytes : {alone, with, empty}) {
      const auto packet =
          decode_ack(frame_of(bytes, kClient, Version::v5), kClient, Version::v5, {});
      REQUIRE(packet);
      CHECK(packet->reason == static_cast<ReasonCode>(reason));
    }
  }
}

TEST_CASE("[MQTT-2.2.1-5] [MQTT-2.3.1-6] an acknowledgement of 0 acknowledges nothing") {
  for (const Version v : kVersions) {
    for (const unsigned type : kAcks) {
      CHECK(outcome(wire::ack(type, 0), kClient, v) == "mqtt.packet-identifier 82");
      CHECK(outcome(wire::ack(type, 0), kBroker, v) == "mqtt.packet-identifier 82");
    }
  }
}

TEST_CASE("3.4 of 3.1.1: nothing stands behind the packet identifier") {
  for (const unsigned type : kAcks) {
    CHECK(outcome(wire::ack(type, 1, 0), kClient, Version::v3_1_1) == "mqtt.remaining-length 81");
    CHECK(outcome(wire::ack(type, 1, 0), kClient, Version::v3_1) == "mqtt.remaining-length 81");
  }
}

TEST_CASE("3.4.2.2: what does not add up behind the reason code") {
  for (const unsigned type : kAcks) {
    const auto ack = [type](std::string_view rest) {
      return outcome(wire::packet(first(type), u16(1) + u8(0) + std::string(rest)), kBroker,
                     Version::v5);
    };
    using namespace std::string_view_literals;
    CHECK(ack("\0"sv) == "ok");
    CHECK(ack("\0\0"sv) == "mqtt.trailing-bytes 81");
    CHECK(ack("\1"sv) == "mqtt.property-length 81");
    CHECK(ack("\x80"sv) == "mqtt.truncated 81");
    CHECK(ack("\x80\0"sv) == "mqtt.property-length 81");
    CHECK(ack("\x02\x1F\0"sv) == "mqtt.property-length 81");
    CHECK(ack("\x03\x1F\0\x01x"sv) == "mqtt.property-length 81");
  }
}

TEST_CASE("3.14 of 3.1.1: DISCONNECT has no body") {
  for (const Version v : {Version::v3_1, Version::v3_1_1}) {
    CHECK(outcome(wire::disconnect(), kClient, v) == "ok");
    CHECK(outcome(wire::disconnect(0), kClient, v) == "mqtt.remaining-length 81");
    CHECK(outcome(wire::disconnect(), kBroker, v) == "mqtt.packet-type 82");
  }
}

TEST_CASE("3.14.2: the forms of DISCONNECT of 5.0") {
  const auto decode = [](const std::string& bytes, Side from) {
    return decode_disconnect(frame_of(bytes, from, Version::v5), from, Version::v5, {});
  };
  const std::string empty = wire::disconnect();
  const std::string reason = wire::disconnect(0x98);
  const std::string expiry =
      wire::packet(0xE0, u8(4) + wire::properties(wire::v5, wire::session_expiry(99)));
  REQUIRE(decode(empty, kBroker));
  CHECK(decode(empty, kBroker)->reason == ReasonCode::success);
  REQUIRE(decode(reason, kClient));
  CHECK(decode(reason, kClient)->reason == ReasonCode::administrative_action);
  CHECK_FALSE(decode(reason, kClient)->session_expiry);
  REQUIRE(decode(expiry, kClient));
  CHECK(decode(expiry, kClient)->session_expiry == 99);
  CHECK(outcome(wire::packet(0xE0, u8(0) + u8(0) + u8(0)), kClient, Version::v5) ==
        "mqtt.trailing-bytes 81");
}

TEST_CASE("[MQTT-3.14.2-2] only a client sets a session expiry with DISCONNECT") {
  const std::string bytes =
      wire::packet(0xE0, u8(0) + wire::properties(wire::v5, wire::session_expiry(0)));
  CHECK(outcome(bytes, kClient, Version::v5) == "ok");
  CHECK(outcome(bytes, kBroker, Version::v5) == "mqtt.property-unknown 82");
}

TEST_CASE("3.14.2.2.5: only a broker says where else to go") {
  const std::string bytes = wire::packet(
      0xE0, u8(0x83) + wire::properties(wire::v5, u8(0x1C) + wire::text("other.example")));
  CHECK(outcome(bytes, kBroker, Version::v5) == "ok");
  CHECK(outcome(bytes, kClient, Version::v5) == "mqtt.property-unknown 82");
}

TEST_CASE("3.15.2.2.2: AUTH names its method, unless it is a bare success") {
  const auto auth = [](unsigned reason, std::string_view raw) {
    return wire::packet(0xF0, u8(reason) + wire::properties(wire::v5, raw));
  };
  const std::string method = wire::authentication_method("SCRAM");
  const std::string bytes = auth(0x18, method + u8(0x16) + wire::text("data"));
  const auto packet = decode_auth(frame_of(bytes, kClient, Version::v5), kClient, {});
  REQUIRE(packet);
  CHECK(packet->reason == ReasonCode::continue_authentication);
  CHECK(packet->authentication_method == "SCRAM");
  CHECK(outcome(auth(0x18, ""), kClient, Version::v5) == "mqtt.auth-method 82");
  CHECK(outcome(auth(0, ""), kBroker, Version::v5) == "mqtt.auth-method 82");
  CHECK(outcome(auth(0x18, u8(0x16) + wire::text("data")), kBroker, Version::v5) ==
        "mqtt.auth-method 82");
  CHECK(outcome(hex("F0 00"), kBroker, Version::v5) == "ok");
  // Success is the broker's to say. 3.15.2.1
  CHECK(outcome(hex("F0 00"), kClient, Version::v5) == "mqtt.reason-code 82");
  CHECK(outcome(auth(0x19, method), kClient, Version::v5) == "ok");
  CHECK(outcome(auth(0x19, method), kBroker, Version::v5) == "mqtt.reason-code 82");
}

}  // namespace sallyport::mqtt::test
