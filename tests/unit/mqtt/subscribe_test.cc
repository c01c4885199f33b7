#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "packets.h"

/// SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK. 3.8 to 3.11
namespace sallyport::mqtt::test {

namespace {

using wire::text, wire::u16, wire::u8;

std::string subscribe_is(Version v, std::string_view filter, unsigned options) {
  return outcome(wire::subscribe(level(v), 1, {{std::string(filter), options}}), kClient, v);
}

std::string unsubscribe_is(Version v, std::string_view filter) {
  return outcome(wire::unsubscribe(level(v), 1, {filter}), kClient, v);
}

}  // namespace

TEST_CASE("3.8: everything that a SUBSCRIBE says is read, in order") {
  for (const Version v : kVersions) {
    const std::string bytes =
        wire::subscribe(level(v), 0x1234, {{"a/#", 1}, {"b", 0}, {"$share/g/c", 2}});
    const auto packet = decode_subscribe(frame_of(bytes, kClient, v), v, {});
    REQUIRE(packet);
    CHECK(packet->type == PacketType::subscribe);
    CHECK(packet->packet_id == 0x1234);
    CHECK(packet->subscription_id == 0);
    REQUIRE(packet->count == 3);

    std::vector<FilterEntry> entries(4);
    Bytes rest = packet->payload;
    std::size_t n = 0;
    while (n < 4 && next_filter(packet->type, rest, entries[n])) ++n;
    REQUIRE(n == 3);
    CHECK(entries[0].filter == "a/#");
    CHECK(entries[0].qos() == 1);
    CHECK(as_text(entries[0].raw) == text("a/#") + u8(1));
    CHECK(entries[1].filter == "b");
    CHECK(entries[2].filter == "$share/g/c");
    CHECK(entries[2].options == 2);
    CHECK(rest.empty());
  }
}

TEST_CASE("3.10: everything that an UNSUBSCRIBE says is read, in order") {
  for (const Version v : kVersions) {
    const std::string bytes = wire::unsubscribe(level(v), 7, {"a/#", "b"});
    const auto packet = decode_subscribe(frame_of(bytes, kClient, v), v, {});
    REQUIRE(packet);
    CHECK(packet->type == PacketType::unsubscribe);
    REQUIRE(packet->count == 2);
    Bytes rest = packet->payload;
    FilterEntry entry;
    REQUIRE(next_filter(packet->type, rest, entry));
    CHECK(entry.filter == "a/#");
    CHECK(as_text(entry.raw) == text("a/#"));
    REQUIRE(next_filter(packet->type, rest, entry));
    CHECK(entry.filter == "b");
    CHECK_FALSE(next_filter(packet->type, rest, entry));
  }
}

TEST_CASE(
    "[MQTT-2.2.1-3] [MQTT-2.3.1-1] requests and their answers have a packet identifier that is not "
    "0") {
  for (const Version v : kVersions) {
    const wire::Level l = level(v);
    CHECK(outcome(wire::subscribe(l, 0, {{"a", 0}}), kClient, v) == "mqtt.packet-identifier 82");
    CHECK(outcome(wire::unsubscribe(l, 0, {"a"}), kClient, v) == "mqtt.packet-identifier 82");
    CHECK(outcome(wire::suback(l, 0, {0}), kBroker, v) == "mqtt.packet-identifier 82");
    const std::string unsuback = v == Version::v5 ? u16(0) + u8(0) + u8(0) : u16(0);
    CHECK(outcome(wire::packet(0xB0, unsuback), kBroker, v) == "mqtt.packet-identifier 82");
  }
}

TEST_CASE("[MQTT-3.8.3-3 (3.1.1)] [MQTT-3.8.3-2 (5.0)] [MQTT-3.10.3-2] at least one filter") {
  for (const Version v : kVersions) {
    CHECK(outcome(wire::subscribe(level(v), 1, {}), kClient, v) == "mqtt.no-filters 82");
    CHECK(outcome(wire::unsubscribe(level(v), 1, {}), kClient, v) == "mqtt.no-filters 82");
  }
}

TEST_CASE(
    "[MQTT-3.8.3-1] [MQTT-3.10.3-1] [MQTT-4.8.2-1] [MQTT-4.8.2-2] filters are UTF-8 and topic "
    "filters") {
  for (const Version v : kVersions) {
    struct Row {
      std::string filter;
      const char* expected;
    };
    const Row rows[] = {
        {"a/+/#", "ok"},
        {"$SYS/#", "ok"},
        {"$share/g/a/#", "ok"},
        {"", "mqtt.topic-filter 81"},
        {"a/#/b", "mqtt.topic-filter 81"},
        {"a+", "mqtt.topic-filter 81"},
        {"\xC3", "mqtt.utf8 81"},
        {std::string("a\0b", 3), "mqtt.utf8 81"},
        {"a\rb", "mqtt.control-character 8F"},
        // 3.x knows no shares: the filter is well-formed, and not let through.
        {"$share/g", v == Version::v5 ? "mqtt.share-name 81" : "mqtt.share-name 8F"},
        {"$share//a", v == Version::v5 ? "mqtt.share-name 81" : "mqtt.share-name 8F"},
        {"$share/+/a", v == Version::v5 ? "mqtt.share-name 81" : "mqtt.share-name 8F"},
        {"$share/#/a", v == Version::v5 ? "mqtt.share-name 81" : "mqtt.topic-filter 81"},
        {std::string(1025, 'a'), "mqtt.topic-too-long 8F"},
        {std::string(32, '/'), "mqtt.topic-levels 8F"},
    };
    for (const Row& row : rows) {
      CAPTURE(row.filter);
      CHECK(subscribe_is(v, row.filter, 1) == row.expected);
      CHECK(unsubscribe_is(v, row.filter) == row.expected);
    }
  }
}

TEST_CASE("[MQTT-3.8.3-4 (3.1.1)] the options byte is a QoS of 0, 1 or 2") {
  for (unsigned options = 0; options < 256; ++options) {
    const char* expected = options < 3 ? "ok" : "mqtt.subscription-options 81";
    CHECK(subscribe_is(Version::v3_1_1, "a", options) == expected);
    // 3.1 does not use the upper six bits. 3.8 (3.1)
    CHECK(subscribe_is(Version::v3_1, "a", options) ==
          ((options & 3) < 3 ? "ok" : "mqtt.subscription-options 81"));
  }
}

TEST_CASE(
    "[MQTT-3.8.3-5] [MQTT-3.8.3-4 (5.0)] reserved bits, QoS 3, retain handling 3, No Local when "
    "shared") {
  for (unsigned options = 0; options < 256; ++options) {
    CAPTURE(options);
    const bool reserved = (options & 0xC0) != 0;
    const bool wrong = (options & 3) == 3 || (options & 0x30) == 0x30;
    const bool no_local = (options & 4) != 0;
    const char* plain = reserved ? "mqtt.subscription-options 81"
                        : wrong  ? "mqtt.subscription-options 82"
                                 : "ok";
    CHECK(subscribe_is(Version::v5, "a/b", options) == plain);
    const char* shared = reserved            ? "mqtt.subscription-options 81"
                         : wrong || no_local ? "mqtt.subscription-options 82"
                                             : "ok";
    CHECK(subscribe_is(Version::v5, "$share/g/a", options) == shared);
  }
}

TEST_CASE("nanomq#2268: SUBSCRIBE without its options byte, lengths beyond the packet") {
  for (const Version v : kVersions) {
    const std::string start = u16(1) + wire::properties(level(v));
    const auto body = [&](unsigned type, const std::string& payload) {
      return outcome(wire::packet(type, start + payload), kClient, v);
    };
    CHECK(body(0x82, text("a/b")) == "mqtt.truncated 81");
    CHECK(body(0x82, text("a/b") + u8(0) + text("c")) == "mqtt.truncated 81");
    CHECK(body(0x82, u16(200) + "abc") == "mqtt.truncated 81");
    CHECK(body(0x82, u8(0)) == "mqtt.truncated 81");
    CHECK(body(0xA2, u16(200) + "abc") == "mqtt.truncated 81");
    CHECK(body(0xA2, text("a") + u8(0)) == "mqtt.truncated 81");
  }
}

TEST_CASE("filters beyond the most of a packet are told of") {
  Bounds bounds;
  bounds.max_filters = 3;
  for (const Version v : kVersions) {
    const wire::Level l = level(v);
    CHECK(outcome(wire::subscribe(l, 1, {{"a"}, {"b"}, {"c"}}), kClient, v, bounds) == "ok");
    CHECK(outcome(wire::subscribe(l, 1, {{"a"}, {"b"}, {"c"}, {"d"}}), kClient, v, bounds) ==
          "too many filters");
    CHECK(outcome(wire::unsubscribe(l, 1, {"a", "b", "c"}), kClient, v, bounds) == "ok");
    CHECK(outcome(wire::unsubscribe(l, 1, {"a", "b", "c", "d"}), kClient, v, bounds) ==
          "too many filters");
  }
}

TEST_CASE("3.8.2.1.2: a subscription identifier is 1 to 268,435,455") {
  const auto id = [](std::string_view raw) {
    return outcome(wire::subscribe(wire::v5, 1, {{"a"}}, u8(0x0B) + std::string(raw)), kClient,
                   Version::v5);
  };
  CHECK(id(wire::varint(1)) == "ok");
  CHECK(id(wire::varint(268'435'455)) == "ok");
  CHECK(id(wire::varint(0)) == "mqtt.property-value 82");
  CHECK(id(hex("80 80 80 80 01")) == "mqtt.property-value 81");
  CHECK(id(hex("81 00")) == "mqtt.property-value 81");  // [MQTT-1.5.5-1]
  CHECK(id(wire::varint(1) + u8(0x0B) + wire::varint(2)) == "mqtt.property-twice 82");
  const std::string bytes = wire::subscribe(wire::v5, 1, {{"a"}}, u8(0x0B) + wire::varint(300));
  const auto packet = decode_subscribe(frame_of(bytes, kClient, Version::v5), Version::v5, {});
  REQUIRE(packet);
  CHECK(packet->subscription_id == 300);
}

TEST_CASE("[MQTT-3.9.3-2 (3.1.1)] [MQTT-3.9.3-2 (5.0)] the codes of SUBACK") {
  for (unsigned code = 0; code < 256; ++code) {
    CHECK(outcome(wire::suback(wire::v3_1_1, 1, {code}), kBroker, Version::v3_1_1) ==
          std::string(code <= 2 || code == 0x80 ? "ok" : "mqtt.reason-code 82"));
    // 3.1 does not use the upper six bits. 3.9 (3.1)
    CHECK(outcome(wire::suback(wire::v3_1, 1, {code}), kBroker, Version::v3_1) ==
          std::string((code & 3) < 3 ? "ok" : "mqtt.reason-code 82"));
  }
  const std::string bytes = wire::suback(wire::v3_1_1, 5, {1, 0x80, 2});
  const auto packet = decode_suback(frame_of(bytes, kBroker, Version::v3_1_1), Version::v3_1_1, {});
  REQUIRE(packet);
  CHECK(packet->packet_id == 5);
  CHECK(as_text(packet->codes) == "\x01\x80\x02");
}

TEST_CASE("3.9, 3.11: what SUBACK and UNSUBACK must have and must not have") {
  CHECK(outcome(hex("90 02 00 01"), kBroker, Version::v3_1_1) == "mqtt.remaining-length 81");
  CHECK(outcome(hex("90 03 00 01 00"), kBroker, Version::v5) == "mqtt.remaining-length 81");
  // Properties fill the packet, and no room is left for a code.
  CHECK(outcome(hex("90 06 00 01 03 1F 00 00"), kBroker, Version::v5) == "mqtt.truncated 81");
  CHECK(outcome(hex("B0 02 00 01"), kBroker, Version::v3_1_1) == "ok");
  CHECK(outcome(hex("B0 03 00 01 00"), kBroker, Version::v3_1_1) == "mqtt.remaining-length 81");
  CHECK(outcome(hex("B0 04 00 01 00 11"), kBroker, Version::v5) == "ok");
  CHECK(outcome(hex("B0 04 00 01 00 01"), kBroker, Version::v5) == "mqtt.reason-code 82");
}

}  // namespace sallyport::mqtt::test
