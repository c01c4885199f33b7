#include <string>

#include <doctest/doctest.h>

#include "packets.h"

/// PUBLISH. 3.3
namespace sallyport::mqtt::test {

namespace {

std::string publish_is(const wire::Publish& packet, Side from = kClient,
                       const Bounds& bounds = {}) {
  return outcome(wire::publish(packet), from, static_cast<Version>(packet.level), bounds);
}

}  // namespace

TEST_CASE("3.3: everything that a PUBLISH says is read") {
  for (const Version v : kVersions) {
    for (const Side from : {kClient, kBroker}) {
      const bool five = v == Version::v5;
      const std::string bytes = wire::publish(
          {.level = level(v),
           .topic = "plant/1/temperature",
           .payload = "21.5",
           .qos = 2,
           .packet_id = 0xABCD,
           .retain = true,
           .dup = true,
           .properties = five ? wire::response_topic("r/1") + wire::topic_alias(300) : ""});
      const Frame frame = frame_of(bytes, from, v);
      const auto packet = decode_publish(frame, from, v, {});
      REQUIRE(packet);
      CHECK(packet->dup);
      CHECK(packet->retain);
      CHECK(packet->qos == 2);
      CHECK(packet->packet_id == 0xABCD);
      CHECK(packet->topic == "plant/1/temperature");
      CHECK(packet->payload_size == 4);
      CHECK(packet->topic_alias == (five ? 300 : 0));
      CHECK(packet->response_topic.has_value() == five);
      if (five) CHECK(packet->response_topic == "r/1");
      CHECK(frame.head.size() + 4 == bytes.size());
    }
  }
}

TEST_CASE("[MQTT-2.2.1-2] [MQTT-2.3.1-5] QoS 0 has no packet identifier") {
  const std::string bytes = wire::publish({.topic = "a", .payload = "\x01\x02payload"});
  const Frame frame = frame_of(bytes, kClient, Version::v3_1_1);
  const auto packet = decode_publish(frame, kClient, Version::v3_1_1, {});
  REQUIRE(packet);
  CHECK(packet->packet_id == 0);
  CHECK(packet->payload_size == 9);
}

TEST_CASE(
    "[MQTT-2.3.1-1] [MQTT-2.2.1-3] [MQTT-2.2.1-4] the packet identifier of QoS 1 and 2 is not 0") {
  for (const Version v : kVersions) {
    for (const Side from : {kClient, kBroker}) {
      for (const unsigned qos : {1U, 2U}) {
        CHECK(publish_is({.level = level(v), .topic = "a", .qos = qos, .packet_id = 0}, from) ==
              "mqtt.packet-identifier 82");
        for (const unsigned id : {1U, 255U, 256U, 65'535U}) {
          CHECK(publish_is({.level = level(v), .topic = "a", .qos = qos, .packet_id = id}, from) ==
                "ok");
        }
      }
    }
  }
}

TEST_CASE("CVE-2026-25627: QoS 1 without room for its packet identifier") {
  CHECK(outcome(hex("32 03 00 01 61"), kClient, Version::v3_1_1) == "mqtt.remaining-length 81");
  CHECK(outcome(hex("32 04 00 01 61 00"), kClient, Version::v3_1_1) == "mqtt.truncated 81");
  CHECK(outcome(hex("32 05 00 02 61 62 00"), kClient, Version::v5) == "mqtt.truncated 81");
}

TEST_CASE("[MQTT-3.3.2-1] [MQTT-3.3.2-2] [MQTT-4.7.3-1] the topic is a topic name") {
  for (const Version v : kVersions) {
    for (const Side from : {kClient, kBroker}) {
      const auto topic = [&](std::string_view text) {
        return publish_is({.level = level(v), .topic = std::string(text)}, from);
      };
      CHECK(topic("a") == "ok");
      CHECK(topic("$SYS/x") == "ok");
      CHECK(topic("a/+") == "mqtt.topic-name 81");
      CHECK(topic("a/b/#") == "mqtt.topic-name 81");
      CHECK(topic("\xFE") == "mqtt.utf8 81");
      CHECK(topic(std::string_view("a\0", 2)) == "mqtt.utf8 81");
      CHECK(topic("bell\x07") == "mqtt.control-character 90");
      CHECK(topic("next\xC2\x85line") == "mqtt.control-character 90");
      CHECK(topic(std::string(1025, 't')) == "mqtt.topic-too-long 90");
      CHECK(topic(std::string(33, '/')) == "mqtt.topic-levels 90");
    }
  }
}

TEST_CASE("3.3.2.1: CVE-2021-34432: an empty topic only with a topic alias, and only in 5.0") {
  for (const Side from : {kClient, kBroker}) {
    CHECK(publish_is({.level = wire::v3_1, .topic = ""}, from) == "mqtt.topic-name 81");
    CHECK(publish_is({.level = wire::v3_1_1, .topic = ""}, from) == "mqtt.topic-name 81");
    CHECK(publish_is({.level = wire::v5, .topic = ""}, from) == "mqtt.topic-name 82");
    CHECK(publish_is({.level = wire::v5, .topic = "", .properties = wire::topic_alias(1)}, from) ==
          "ok");
    CHECK(publish_is({.level = wire::v5, .topic = "", .properties = wire::u8(1) + wire::u8(1)},
                     from) == "mqtt.topic-name 82");
  }
}

TEST_CASE("[MQTT-3.3.2-8] a topic alias is not 0") {
  CHECK(publish_is({.level = wire::v5, .topic = "a", .properties = wire::topic_alias(0)}) ==
        "mqtt.topic-alias 94");
  CHECK(publish_is({.level = wire::v5, .topic = "a", .properties = wire::topic_alias(0)},
                   kBroker) == "mqtt.topic-alias 94");
}

TEST_CASE("[MQTT-3.3.2-13] [MQTT-3.3.2-14] the response topic is a topic name") {
  const auto response = [](std::string_view topic) {
    return publish_is({.level = wire::v5, .topic = "a", .properties = wire::response_topic(topic)});
  };
  CHECK(response("answers/to/me") == "ok");
  CHECK(response("answers/+") == "mqtt.topic-name 81");
  CHECK(response("#") == "mqtt.topic-name 81");
  CHECK(response("") == "mqtt.topic-name 81");
  CHECK(response("\xFF") == "mqtt.utf8 81");
  CHECK(response(std::string(2000, 'r')) == "mqtt.topic-too-long 90");
}

TEST_CASE("[MQTT-3.3.4-6] only the broker says which subscriptions a PUBLISH is for") {
  const std::string id = wire::u8(0x0B) + wire::varint(5);
  CHECK(publish_is({.level = wire::v5, .topic = "a", .properties = id}, kClient) ==
        "mqtt.property-unknown 82");
  CHECK(publish_is({.level = wire::v5, .topic = "a", .properties = id}, kBroker) == "ok");
  CHECK(publish_is({.level = wire::v5, .topic = "a", .properties = id + id}, kBroker) == "ok");
}

TEST_CASE("3.3.3: a payload may be empty, and is not looked at") {
  for (const Version v : kVersions) {
    CHECK(publish_is({.level = level(v), .topic = "a", .payload = ""}) == "ok");
    CHECK(publish_is({.level = level(v), .topic = "a", .payload = "\xFF\xC0\x80"}) == "ok");
  }
}

TEST_CASE("topics of every length are read right, eight bytes at a time or not") {
  for (std::size_t size = 1; size < 100; ++size) {
    std::string topic(size, 'x');
    topic[size / 2] = '/';
    const std::string bytes = wire::publish({.topic = topic, .payload = "+#"});
    CHECK(outcome(bytes, kClient, Version::v3_1_1) == "ok");
    const auto packet =
        decode_publish(frame_of(bytes, kClient, Version::v3_1_1), kClient, Version::v3_1_1, {});
    REQUIRE(packet);
    CHECK(packet->topic == topic);
  }
}

}  // namespace sallyport::mqtt::test
