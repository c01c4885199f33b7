#include "sallyport/framer.h"

#include <string>

#include <doctest/doctest.h>

#include "packets.h"

namespace sallyport::mqtt::test {

namespace {

using Status = FrameResult::Status;

/// As outcome(), for the framer alone.
std::string framed(std::string_view bytes, Side from, Version version,
                   std::uint32_t max_packet = 1U << 20, std::uint32_t max_head = 1U << 20) {
  const Exact in(bytes);
  const FrameResult result = next_frame(in.bytes(), {from, version, max_packet, max_head});
  switch (result.status) {
    case Status::frame:
      return "frame " + std::to_string(result.frame.head.size()) + "+" +
             std::to_string(result.frame.payload_size);
    case Status::need_more:
      return "need " + std::to_string(result.needed);
    case Status::malformed:
      return to_text(result.error);
    case Status::too_large:
      return to_text(result.error) + " of " + std::to_string(result.frame.header.total());
    case Status::odd:
    case Status::wrong:
      break;  // by look_again() only
  }
  return "?";
}

constexpr const char* kBadType = "mqtt.packet-type 82";
constexpr const char* kBadFlags = "mqtt.fixed-header-flags 81";
constexpr const char* kBadLength = "mqtt.remaining-length 81";

}  // namespace

TEST_CASE("2.1.2: which types a side may send, decided by the first byte") {
  struct Row {
    unsigned first;
    bool client3, broker3, client5, broker5;
  };
  const Row rows[] = {
      {0x10, true, false, true, false},  // CONNECT
      {0x20, false, true, false, true},  // CONNACK; from a client: CVE-2021-28166
      {0x30, true, true, true, true},    // PUBLISH
      {0x40, true, true, true, true},    // PUBACK
      {0x50, true, true, true, true},    // PUBREC
      {0x62, true, true, true, true},    // PUBREL
      {0x70, true, true, true, true},    // PUBCOMP
      {0x82, true, false, true, false},  // SUBSCRIBE
      {0x90, false, true, false, true},  // SUBACK
      {0xA2, true, false, true, false},  // UNSUBSCRIBE
      {0xB0, false, true, false, true},  // UNSUBACK
      {0xC0, true, false, true, false},  // PINGREQ
      {0xD0, false, true, false, true},  // PINGRESP
      {0xE0, true, false, true, true},   // DISCONNECT
      {0xF0, false, false, true, true},  // AUTH
  };
  for (const Row& row : rows) {
    CAPTURE(row.first);
    const std::string first = wire::u8(row.first);
    for (const Version v : {Version::v3_1, Version::v3_1_1}) {
      CHECK(framed(first, kClient, v) == (row.client3 ? "need 2" : kBadType));
      CHECK(framed(first, kBroker, v) == (row.broker3 ? "need 2" : kBadType));
    }
    CHECK(framed(first, kClient, Version::v5) == (row.client5 ? "need 2" : kBadType));
    CHECK(framed(first, kBroker, Version::v5) == (row.broker5 ? "need 2" : kBadType));
  }
  for (const Version v : kVersions) {
    for (unsigned flags = 0; flags < 16; ++flags) {
      CHECK(framed(wire::u8(flags), kClient, v) == "mqtt.packet-type 81");
      CHECK(framed(wire::u8(flags), kBroker, v) == "mqtt.packet-type 81");
    }
  }
}

TEST_CASE(
    "[MQTT-2.2.2-1 (3.1.1)] [MQTT-2.2.2-2] [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] "
    "[MQTT-3.10.1-1] [MQTT-3.14.1-1 (3.1.1)] [MQTT-3.14.1-1 (5.0)] [MQTT-3.15.1-1] flags are as "
    "fixed") {
  for (const Version v : kVersions) {
    for (unsigned type = 1; type < 16; ++type) {
      if (type == 3) continue;
      const bool request = type == 6 || type == 8 || type == 10;
      for (unsigned flags = 0; flags < 16; ++flags) {
        const std::string first = wire::u8(type << 4 | flags);
        const std::string client = framed(first, kClient, v);
        const std::string broker = framed(first, kBroker, v);
        CAPTURE(type);
        CAPTURE(flags);
        bool good = flags == (request ? 2 : 0);
        // 3.1 uses QoS 1 in what is repeated until it is answered, and otherwise none of these
        // bits. Of CONNECT only the decoder learns whether it is of 3.1. 2.1 (3.1)
        if (v == Version::v3_1 && (!request || (flags & 6U) == 2)) good = true;
        if (type == 1) good = true;
        for (const std::string& answer : {client, broker}) {
          if (answer == kBadType) continue;
          CHECK(answer == (good ? "need 2" : kBadFlags));
        }
      }
    }
  }
}

TEST_CASE("[MQTT-3.3.1-4] [MQTT-3.3.1-2] QoS 3, and DUP on QoS 0, are refused by the first byte") {
  for (const Version v : kVersions) {
    for (const Side from : {kClient, kBroker}) {
      for (unsigned flags = 0; flags < 16; ++flags) {
        const unsigned qos = flags >> 1 & 3;
        const bool dup = (flags & 8) != 0;
        CAPTURE(flags);
        CHECK(framed(wire::u8(0x30 | flags), from, v) == (qos == 3 ? "mqtt.qos 81"
                                                          : qos == 0 && dup && v != Version::v3_1
                                                              ? "mqtt.qos 82"
                                                              : "need 2"));
      }
    }
  }
}

TEST_CASE("2.2.3, 1.5.5: a Remaining Length has up to four bytes, and a fifth is refused") {
  for (const Version v : kVersions) {
    CHECK(framed(hex("30"), kClient, v) == "need 2");
    CHECK(framed(hex("30 80"), kClient, v) == "need 3");
    CHECK(framed(hex("30 80 80"), kClient, v) == "need 4");
    CHECK(framed(hex("30 80 80 80"), kClient, v) == "need 5");
    CHECK(framed(hex("30 80 80 80 80"), kClient, v) == kBadLength);
    CHECK(framed(hex("30 FF FF FF FF"), kClient, v) == kBadLength);
    // A valid beginning, which some take for an error.
    CHECK(framed(hex("10 80"), kClient, v) == "need 3");
  }
  CHECK(framed("", kClient, Version::v5) == "need 1");
  // The largest of each width.
  CHECK(framed(hex("30 7F"), kClient, Version::v3_1_1, UINT32_MAX) == "need 4");
  CHECK(framed(hex("30 FF 7F"), kClient, Version::v3_1_1, UINT32_MAX) == "need 5");
  CHECK(framed(hex("30 FF FF 7F"), kClient, Version::v3_1_1, UINT32_MAX) == "need 6");
  CHECK(framed(hex("30 FF FF FF 7F"), kClient, Version::v3_1_1, UINT32_MAX) == "need 7");
}

TEST_CASE("[MQTT-1.5.5-1] 5.0 wants the shortest form of a Remaining Length, 3.x does not say") {
  for (const char* longer : {"C0 80 00", "C0 80 80 00", "C0 80 80 80 00"}) {
    CHECK(framed(hex(longer), kClient, Version::v5) == kBadLength);
    CHECK(framed(hex(longer), kClient, Version::v3_1_1).starts_with("frame "));
    CHECK(framed(hex(longer), kClient, Version::v3_1).starts_with("frame "));
  }
  CHECK(framed(hex("40 82 00 00 07"), kClient, Version::v5) == kBadLength);
  CHECK(framed(hex("40 82 00 00 07"), kClient, Version::v3_1_1) == "frame 5+0");
  CHECK(framed(hex("30 FF 00"), kClient, Version::v5) == kBadLength);
}

TEST_CASE("2.1.4, 2.2.3: lengths that a type cannot have") {
  struct Row {
    unsigned first;
    Side from;
    std::uint32_t least3, most3, least5, most5;
  };
  constexpr std::uint32_t kMost = 1000;  // of what was tried
  const Row rows[] = {
      {0x10, kClient, 12, kMost, 12, kMost},  // CONNECT
      {0x20, kBroker, 2, 2, 2, kMost},        // CONNACK
      {0x30, kClient, 2, kMost, 3, kMost},    // PUBLISH
      {0x32, kBroker, 4, kMost, 5, kMost},    // and with a packet identifier
      {0x40, kBroker, 2, 2, 2, kMost},        // PUBACK
      {0x50, kClient, 2, 2, 2, kMost},        // PUBREC
      {0x62, kClient, 2, 2, 2, kMost},        // PUBREL
      {0x70, kBroker, 2, 2, 2, kMost},        // PUBCOMP
      {0x82, kClient, 2, kMost, 3, kMost},    // SUBSCRIBE
      {0x90, kBroker, 3, kMost, 4, kMost},    // SUBACK
      {0xA2, kClient, 2, kMost, 3, kMost},    // UNSUBSCRIBE
      {0xB0, kBroker, 2, 2, 4, kMost},        // UNSUBACK
      {0xC0, kClient, 0, 0, 0, 0},            // PINGREQ
      {0xD0, kBroker, 0, 0, 0, 0},            // PINGRESP
      {0xE0, kClient, 0, 0, 0, kMost},        // DISCONNECT
  };
  for (const Row& row : rows) {
    for (std::uint32_t length = 0; length <= kMost; ++length) {
      const std::string start = wire::u8(row.first) + wire::varint(length);
      for (const Version v : kVersions) {
        const bool five = v == Version::v5;
        const bool possible =
            length >= (five ? row.least5 : row.least3) && length <= (five ? row.most5 : row.most3);
        CAPTURE(row.first);
        CAPTURE(length);
        CHECK((framed(start, row.from, v) == kBadLength) == !possible);
      }
    }
  }
  CHECK(framed(hex("F0 00"), kBroker, Version::v5) == "frame 2+0");
  CHECK(framed(hex("F0 01"), kBroker, Version::v5) == kBadLength);
  CHECK(framed(hex("F0 02"), kBroker, Version::v5) == "need 4");
}

TEST_CASE(
    "a packet above the limit is refused by its fixed header, and what was announced is told") {
  // 256 MiB, as CVE-2017-7651 and CVE-2023-0809 did.
  for (const Version v : kVersions) {
    CHECK(framed(hex("10 FF FF FF 7F"), kClient, v, 16'384) ==
          "mqtt.packet-too-large 95 of 268435460");
    CHECK(framed(hex("30 FF FF FF 7F"), kClient, v, 16'384) ==
          "mqtt.packet-too-large 95 of 268435460");
    CHECK(framed(hex("82 7F"), kClient, v, 128) == "mqtt.packet-too-large 95 of 129");
    CHECK(framed(hex("82 7E"), kClient, v, 128) == "need 128");
    CHECK(framed(hex("30 7F"), kClient, v, 128) == "mqtt.packet-too-large 95 of 129");
    CHECK(framed(hex("30 7E"), kClient, v, 128) == "need 4");
  }
}

TEST_CASE("a head above its limit is refused before it is gathered; a payload does not count") {
  const auto v = Version::v3_1_1;
  const std::string big = wire::publish({.topic = "abc", .payload = std::string(5000, 'x')});
  CHECK(framed(big, kClient, v, 10'000, 8) == "frame 8+5000");
  CHECK(framed(big.substr(0, 8), kClient, v, 10'000, 8) == "frame 8+5000");
  CHECK(framed(big.substr(0, 5), kClient, v, 10'000, 7) == "mqtt.packet-gathered 97 of 5008");
  CHECK(framed(hex("82 7E"), kClient, v, 1000, 127) == "mqtt.packet-gathered 97 of 128");
  const std::string five = wire::publish({.level = wire::v5,
                                          .topic = "abc",
                                          .payload = std::string(500, 'x'),
                                          .properties = "123456"});
  CHECK(framed(five, kClient, Version::v5, 10'000, 15) == "frame 15+500");
  CHECK(framed(five.substr(0, 9), kClient, Version::v5, 10'000, 14) ==
        "mqtt.packet-gathered 97 of 515");
  // What is no PUBLISH has a bound of its own on its size.
  const auto other = [](std::string_view bytes) {
    const Exact in(bytes);
    return next_frame(in.bytes(), {kClient, Version::v3_1_1, 10'000, 1000, false, 128});
  };
  CHECK(other(hex("82 7E")).status == FrameResult::Status::need_more);
  CHECK(to_text(other(hex("82 7F")).error) == "mqtt.packet-too-large 95");
  CHECK(other(hex("30 FF 20")).status == FrameResult::Status::need_more);
}

TEST_CASE("3.3.2: a PUBLISH is asked for field by field") {
  const auto v5 = Version::v5;
  const std::string three = wire::publish({.topic = "a/b", .payload = "12345", .qos = 1});
  CHECK(framed(three.substr(0, 1), kClient, Version::v3_1_1) == "need 2");
  CHECK(framed(three.substr(0, 2), kClient, Version::v3_1_1) == "need 4");
  CHECK(framed(three.substr(0, 3), kClient, Version::v3_1_1) == "need 4");
  CHECK(framed(three.substr(0, 4), kClient, Version::v3_1_1) == "need 9");
  CHECK(framed(three.substr(0, 8), kClient, Version::v3_1_1) == "need 9");
  CHECK(framed(three.substr(0, 9), kClient, Version::v3_1_1) == "frame 9+5");
  CHECK(framed(three, kClient, Version::v3_1_1) == "frame 9+5");
  CHECK(framed(three + "more", kClient, Version::v3_1_1) == "frame 9+5");

  const std::string five = wire::publish({.level = wire::v5,
                                          .topic = "a/b",
                                          .payload = "12345",
                                          .qos = 1,
                                          .properties = std::string(130, 'p')});
  CHECK(framed(five.substr(0, 3), kClient, v5) == "need 5");
  CHECK(framed(five.substr(0, 5), kClient, v5) == "need 11");
  CHECK(framed(five.substr(0, 10), kClient, v5) == "need 11");
  CHECK(framed(five.substr(0, 11), kClient, v5) == "need 12");
  CHECK(framed(five.substr(0, 12), kClient, v5) == "need 142");
  CHECK(framed(five.substr(0, 141), kClient, v5) == "need 142");
  CHECK(framed(five.substr(0, 142), kClient, v5) == "frame 142+5");
}

TEST_CASE("3.3.2: a PUBLISH whose topic or properties run past its end is refused at once") {
  for (const Version v : kVersions) {
    CHECK(framed(hex("30 06 00 04"), kClient, v) ==
          std::string(v == Version::v5 ? "mqtt.truncated 81" : "need 8"));
    CHECK(framed(hex("30 05 00 06"), kClient, v) == "mqtt.truncated 81");
    CHECK(framed(hex("32 05 00 02"), kClient, v) == "mqtt.truncated 81");
    CHECK(framed(hex("30 05 FF FF"), kBroker, v) == "mqtt.truncated 81");
  }
  const auto v5 = Version::v5;
  CHECK(framed(hex("30 04 00 01 61 00"), kClient, v5) == "frame 6+0");
  CHECK(framed(hex("30 04 00 01 61 01"), kClient, v5) == "mqtt.property-length 81");
  CHECK(framed(hex("30 06 00 01 61 80"), kClient, v5) == "need 7");
  // The property length itself is cut off by the end of the packet; what comes next is not its.
  CHECK(framed(hex("30 04 00 01 61 80"), kClient, v5) == "mqtt.truncated 81");
  CHECK(framed(hex("30 04 00 01 61 80 01"), kClient, v5) == "mqtt.truncated 81");
  // Not in its shortest form, or of five bytes. [MQTT-1.5.5-1]
  CHECK(framed(hex("30 09 00 01 61 80 00"), kClient, v5) == "mqtt.property-length 81");
  CHECK(framed(hex("30 09 00 01 61 80 80 80 80"), kClient, v5) == "mqtt.property-length 81");
}

TEST_CASE("CONNECT is framed the same whatever version was told") {
  const std::string five = wire::connect({.level = wire::v5});
  const std::string old = wire::connect({.level = wire::v3_1});
  for (const Version v : kVersions) {
    CHECK(framed(five, kClient, v) == "frame " + std::to_string(five.size()) + "+0");
    CHECK(framed(old, kClient, v) == "frame " + std::to_string(old.size()) + "+0");
  }
}

TEST_CASE("a frame points into the input") {
  const Exact in(wire::publish({.topic = "a/b", .payload = "12345"}));
  const auto result = next_frame(in.bytes(), rules(kClient, Version::v3_1_1));
  REQUIRE(result.status == Status::frame);
  CHECK(result.frame.head.data() == in.bytes().data());
  CHECK(result.frame.header.type == PacketType::publish);
  CHECK(result.frame.header.total() == in.bytes().size());
  CHECK(as_text(result.frame.body()) == std::string_view("\0\3a/b", 5));
}

}  // namespace sallyport::mqtt::test
