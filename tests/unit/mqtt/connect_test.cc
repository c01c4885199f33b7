#include <string>

#include <doctest/doctest.h>

#include "packets.h"

/// CONNECT. 3.1
namespace sallyport::mqtt::test {

namespace {

using wire::text, wire::u16, wire::u8;

std::string connect_is(std::string_view bytes, const Bounds& bounds = {}) {
  return outcome(bytes, kClient, Version::v3_1_1, bounds);
}

/// The variable header by hand: name, level, flags, keep-alive 60, in 5.0 no properties.
std::string header(std::string_view name, unsigned level, unsigned flags) {
  return text(name) + u8(level) + u8(flags) + u16(60) + (level == 5 ? u8(0) : "");
}
std::string header(Version version, unsigned flags) {
  return header(version == Version::v3_1 ? "MQIsdp" : "MQTT", static_cast<unsigned>(version),
                flags);
}
std::string raw_connect(const std::string& body) { return wire::packet(0x10, body); }

constexpr const char* kBadFlags81 = "mqtt.connect-flags 81";
constexpr const char* kBadFlags82 = "mqtt.connect-flags 82";
constexpr const char* kTruncated = "mqtt.truncated 81";

}  // namespace

TEST_CASE("3.1: everything that a CONNECT says is read") {
  for (const Version v : kVersions) {
    const std::string bytes = wire::connect({.level = level(v),
                                             .client_id = "sensor-1",
                                             .clean = false,
                                             .keep_alive = 300,
                                             .will_topic = "plant/1",
                                             .will_payload = "gone away",
                                             .will_qos = 2,
                                             .will_retain = true,
                                             .username = "user",
                                             .password = "pass"});
    const auto packet = decode_connect(frame_of(bytes, kClient, v), {});
    REQUIRE(packet);
    CHECK(packet->version == v);
    CHECK_FALSE(packet->bridge);
    CHECK_FALSE(packet->clean_start);
    CHECK(packet->keep_alive == 300);
    CHECK(packet->client_id == "sensor-1");
    REQUIRE(packet->will);
    CHECK(packet->will->topic == "plant/1");
    CHECK(packet->will->payload_size() == 9);
    CHECK(packet->will->qos == 2);
    CHECK(packet->will->retain);
    CHECK_FALSE(packet->will->response_topic);
    CHECK(packet->username == "user");
    CHECK(packet->password.has_value());
    // What 5.0 says where a property is absent. 3.1.2.11
    CHECK(packet->session_expiry == 0);
    CHECK(packet->receive_maximum == 65'535);
    CHECK_FALSE(packet->maximum_packet_size);
    CHECK(packet->topic_alias_maximum == 0);
    CHECK(packet->request_problem_information);
    CHECK_FALSE(packet->request_response_information);
    CHECK_FALSE(packet->authentication_method);
    // Views point into the packet.
    CHECK(packet->client_id.data() > bytes.data());
    CHECK(packet->client_id.data() < bytes.data() + bytes.size());
  }
}

TEST_CASE("3.1.2.11: the properties of CONNECT and of its Will are read") {
  const std::string bytes = wire::connect(
      {.level = wire::v5,
       .properties = wire::session_expiry(70'000) + wire::receive_maximum(7) +
                     wire::maximum_packet_size(70'001) + wire::topic_alias_maximum(8) + u8(0x19) +
                     u8(1) + u8(0x17) + u8(0) + wire::authentication_method("SCRAM"),
       .will_topic = "w",
       .will_properties =
           wire::response_topic("answer/here") + u8(0x26) + text("k") + text("val")});
  const auto packet = decode_connect(frame_of(bytes, kClient, Version::v5), {});
  REQUIRE(packet);
  CHECK(packet->session_expiry == 70'000);
  CHECK(packet->receive_maximum == 7);
  CHECK(packet->maximum_packet_size == 70'001);
  CHECK(packet->topic_alias_maximum == 8);
  CHECK(packet->request_response_information);
  CHECK_FALSE(packet->request_problem_information);
  CHECK(packet->authentication_method == "SCRAM");
  CHECK(packet->will->response_topic == "answer/here");
  CHECK(packet->will->properties.user_count == 1);
  CHECK(packet->will->properties.user_bytes == 4);
}

TEST_CASE(
    "[MQTT-3.1.2-1 (3.1.1)] [MQTT-3.1.2-1 (5.0)] the protocol name is MQTT, or MQIsdp of 3.1") {
  for (const char* name : {"MQTX", "mqtt", "MQTTT", "MQT", "", "MQISDP", "MQIsdpX", "HTTP"}) {
    CAPTURE(name);
    CHECK(connect_is(raw_connect(header(name, 4, 2) + text("client-1"))) ==
          "mqtt.protocol-name 84");
  }
}

TEST_CASE("[MQTT-3.1.2-2 (3.1.1)] [MQTT-3.1.2-2 (5.0)] name and protocol level go together") {
  for (unsigned level = 0; level < 256; ++level) {
    CAPTURE(level);
    CHECK(connect_is(raw_connect(header("MQTT", level, 2) + text("c"))) ==
          std::string(level == 4 || level == 5 ? "ok" : "mqtt.protocol-version 84"));
    CHECK(connect_is(raw_connect(header("MQIsdp", level, 2) + text("c"))) ==
          std::string(level == 3 ? "ok" : "mqtt.protocol-version 84"));
  }
}

TEST_CASE("levels 0x83 and 0x84 are bridges, and need the limit that lets them") {
  Bounds bridges;
  bridges.bridges = true;
  const std::string three = raw_connect(header("MQIsdp", 0x83, 2) + text("c"));
  const std::string four = raw_connect(header("MQTT", 0x84, 2) + text("c"));
  CHECK(connect_is(three) == "mqtt.protocol-version 84");
  CHECK(connect_is(four) == "mqtt.protocol-version 84");
  for (unsigned level = 0x80; level < 0x100; ++level) {
    CHECK(connect_is(raw_connect(header("MQTT", level, 2) + text("c")), bridges) ==
          std::string(level == 0x84 ? "ok" : "mqtt.protocol-version 84"));
  }
  const auto old = decode_connect(frame_of(three, kClient, Version::v3_1), bridges);
  REQUIRE(old);
  CHECK(old->bridge);
  CHECK(old->version == Version::v3_1);
  const auto packet = decode_connect(frame_of(four, kClient, Version::v3_1), bridges);
  REQUIRE(packet);
  CHECK(packet->bridge);
  CHECK(packet->version == Version::v3_1_1);
}

TEST_CASE("[MQTT-3.1.2-3] the reserved flag is 0; 3.1 has no such flag") {
  CHECK(connect_is(raw_connect(header(Version::v3_1_1, 3) + text("c"))) == kBadFlags81);
  CHECK(connect_is(raw_connect(header(Version::v5, 3) + text("c"))) == kBadFlags81);
  CHECK(connect_is(raw_connect(header(Version::v3_1, 3) + text("c"))) == "ok");
}

TEST_CASE(
    "[MQTT-3.1.2-11 (3.1.1)] [MQTT-3.1.2-13 (3.1.1)] [MQTT-3.1.2-15 (3.1.1)] [MQTT-3.1.2-11 (5.0)] "
    "[MQTT-3.1.2-13 (5.0)] without a Will its QoS and Retain are 0") {
  for (const unsigned flags : {0x0AU, 0x12U, 0x22U, 0x2AU}) {
    CAPTURE(flags);
    CHECK(connect_is(raw_connect(header(Version::v3_1_1, flags) + text("c"))) == kBadFlags82);
    CHECK(connect_is(raw_connect(header(Version::v5, flags) + text("c"))) == kBadFlags82);
    // 3.1: "its value is disregarded".
    CHECK(connect_is(raw_connect(header(Version::v3_1, flags) + text("c"))) == "ok");
  }
}

TEST_CASE("[MQTT-3.1.2-14 (3.1.1)] [MQTT-3.1.2-12 (5.0)] the Will's QoS is not 3") {
  for (const Version v : kVersions) {
    const std::string will = text("c") + (v == Version::v5 ? u8(0) : "") + text("w") + text("x");
    CHECK(connect_is(raw_connect(header(v, 0x1E) + will)) == "mqtt.qos 81");
    for (const unsigned qos : {0x06U, 0x0EU, 0x16U}) {
      CHECK(connect_is(raw_connect(header(v, qos) + will)) == "ok");
    }
  }
  CHECK(connect_is(raw_connect(header(Version::v3_1_1, 0x1A) + text("c"))) == "mqtt.qos 81");
  CHECK(connect_is(raw_connect(header(Version::v3_1, 0x1A) + text("c"))) == "ok");
}

TEST_CASE("[MQTT-3.1.2-22 (3.1.1)] 3.1 and 3.1.1: no password without a user name; 5.0 allows it") {
  for (const Version v : kVersions) {
    const std::string bytes = raw_connect(header(v, 0x42) + text("c") + text("secret"));
    CHECK(connect_is(bytes) == (v == Version::v5 ? "ok" : kBadFlags82));
  }
}

TEST_CASE(
    "[MQTT-3.1.2-9] [MQTT-3.1.3-1] [MQTT-3.1.2-19 (3.1.1)] [MQTT-3.1.2-21 (3.1.1)] [MQTT-3.1.2-17 "
    "(5.0)] [MQTT-3.1.2-19 (5.0)] what the flags announce is "
    "there") {
  for (const Version v : {Version::v3_1_1, Version::v5}) {
    const std::string full = wire::connect({.level = level(v),
                                            .client_id = "c",
                                            .will_topic = "w",
                                            .will_payload = "p",
                                            .username = "u",
                                            .password = "s"});
    // The body cut at every place, with a Remaining Length that says so.
    for (std::size_t size = 12; size + 2 < full.size(); ++size) {
      CAPTURE(size);
      const std::string cut = raw_connect(full.substr(2, size));
      const std::string answer = connect_is(cut);
      CHECK(answer == kTruncated);
    }
    CHECK(connect_is(full) == "ok");
  }
}

TEST_CASE("3.1 of 3.1: the Remaining Length wins over the user name and password flags") {
  const std::string both = header(Version::v3_1, 0xC2) + text("c");
  const auto none = decode_connect(frame_of(raw_connect(both), kClient, Version::v3_1), {});
  REQUIRE(none);
  CHECK_FALSE(none->username);
  CHECK_FALSE(none->password.has_value());
  const std::string with_user = raw_connect(both + text("user"));
  const auto user = decode_connect(frame_of(with_user, kClient, Version::v3_1), {});
  REQUIRE(user);
  CHECK(user->username == "user");
  CHECK_FALSE(user->password.has_value());
  // Cut in the middle of a field is still an error.
  CHECK(connect_is(raw_connect(both + u8(0))) == kTruncated);
  CHECK(connect_is(raw_connect(both + u16(5) + "use")) == kTruncated);
  CHECK(connect_is(raw_connect(header(Version::v3_1_1, 0xC2) + text("c"))) == kTruncated);
}

TEST_CASE(
    "[MQTT-3.1.2-18 (3.1.1)] [MQTT-3.1.2-20 (3.1.1)] [MQTT-3.1.2-16 (5.0)] [MQTT-3.1.2-18 (5.0)] "
    "nothing is left over that no flag announced") {
  for (const Version v : kVersions) {
    CHECK(connect_is(raw_connect(header(v, 2) + text("c") + text("user"))) ==
          "mqtt.trailing-bytes 81");
    CHECK(connect_is(raw_connect(header(v, 0x82) + text("c") + text("user") + u8(0))) ==
          "mqtt.trailing-bytes 81");
  }
}

TEST_CASE("[MQTT-3.1.3-3] [MQTT-3.1.3-4] the client identifier is UTF-8") {
  for (const Version v : kVersions) {
    CHECK(connect_is(raw_connect(header(v, 2) + text("\xC3("))) == "mqtt.utf8 81");
    CHECK(connect_is(raw_connect(header(v, 2) + text(std::string_view("a\0b", 3)))) ==
          "mqtt.utf8 81");
    CHECK(connect_is(raw_connect(header(v, 2) + text("a\tb"))) == "mqtt.control-character 81");
    CHECK(connect_is(raw_connect(header(v, 2) + text("gerät/+#"))) == "ok");
  }
}

TEST_CASE(
    "[MQTT-3.1.3-5] a client identifier of 23 characters passes, and longer ones to the limit") {
  for (const Version v : kVersions) {
    Bounds bounds;
    CHECK(connect_is(wire::connect({.level = level(v), .client_id = std::string(23, 'a')})) ==
          "ok");
    CHECK(connect_is(wire::connect({.level = level(v), .client_id = std::string(128, 'a')})) ==
          "ok");
    CHECK(connect_is(wire::connect({.level = level(v), .client_id = std::string(129, 'a')})) ==
          "mqtt.client-id-too-long 85");
    bounds.max_client_id_length = 5;
    CHECK(connect_is(wire::connect({.level = level(v), .client_id = "123456"}), bounds) ==
          "mqtt.client-id-too-long 85");
  }
}

TEST_CASE("a client identifier has only characters that the limit names") {
  Bounds bounds;
  bounds.client_id_characters = Characters::none();
  for (const char c : std::string_view("dev-0123456789")) bounds.client_id_characters.add(c);
  for (const Version v : kVersions) {
    const auto is = [&](std::string id) {
      return connect_is(wire::connect({.level = level(v), .client_id = std::move(id)}), bounds);
    };
    CHECK(is("dev-42") == "ok");
    CHECK(is("Dev-42") == "mqtt.client-id-characters 85");
    CHECK(is("dev-42 ") == "mqtt.client-id-characters 85");
    CHECK(is("dev/42") == "mqtt.client-id-characters 85");
    CHECK(is("d\xC3\xA9v-42") == "mqtt.client-id-characters 85");
    CHECK(is("d\xC3(v-42") == "mqtt.utf8 81");  // what is no text is that first
    // It names itself nothing: whatever the broker calls it is the broker's.
    if (v != Version::v3_1) CHECK(is("") == "ok");
  }
}

TEST_CASE("the payload of a Will has a limit") {
  Bounds bounds;
  bounds.max_will_payload = 3;
  for (const Version v : kVersions) {
    const auto is = [&](std::string payload) {
      return connect_is(
          wire::connect({.level = level(v), .will_topic = "t", .will_payload = payload}), bounds);
    };
    CHECK(is("") == "ok");
    CHECK(is("abc") == "ok");
    CHECK(is("abcd") == "mqtt.will-too-large 97");
  }
}

TEST_CASE(
    "[MQTT-3.1.3-6 (3.1.1)] [MQTT-3.1.3-7 (3.1.1)] [MQTT-3.1.3-8 (3.1.1)] [MQTT-3.1.3-6 (5.0)] the "
    "empty client identifier") {
  const auto empty = [](Version v, bool clean) {
    return connect_is(wire::connect({.level = level(v), .client_id = "", .clean = clean}));
  };
  CHECK(empty(Version::v3_1, true) == "mqtt.client-id 85");
  CHECK(empty(Version::v3_1, false) == "mqtt.client-id 85");
  CHECK(empty(Version::v3_1_1, true) == "ok");
  CHECK(empty(Version::v3_1_1, false) == "mqtt.client-id 85");
  CHECK(empty(Version::v5, true) == "ok");
  CHECK(empty(Version::v5, false) == "ok");
}

TEST_CASE("[MQTT-3.1.3-10 (3.1.1)] [MQTT-3.1.3-11 (5.0)] the Will topic is a topic name") {
  for (const Version v : kVersions) {
    const auto will = [v](std::string_view topic) {
      return connect_is(raw_connect(header(v, 6) + text("c") + (v == Version::v5 ? u8(0) : "") +
                                    text(topic) + text("payload")));
    };
    CHECK(will("plant/1") == "ok");
    CHECK(will("") == "mqtt.topic-name 81");
    CHECK(will("plant/+") == "mqtt.topic-name 81");
    CHECK(will("#") == "mqtt.topic-name 81");
    CHECK(will("a\xFF") == "mqtt.utf8 81");
    CHECK(will(std::string(1025, 'a')) == "mqtt.topic-too-long 90");
    CHECK(will(std::string(40, '/')) == "mqtt.topic-levels 90");
  }
}

TEST_CASE(
    "[MQTT-3.1.3-11 (3.1.1)] [MQTT-3.1.3-12 (5.0)] the user name is UTF-8, a password is any "
    "bytes") {
  for (const Version v : kVersions) {
    const std::string start = header(v, 0xC2) + text("c");
    CHECK(connect_is(raw_connect(start + text("\xFF") + text("p"))) == "mqtt.utf8 81");
    CHECK(connect_is(raw_connect(start + text("a\x01") + text("p"))) ==
          "mqtt.control-character 81");
    CHECK(connect_is(raw_connect(start + text("") + text("\xFF\xFE\xC0"))) == "ok");
  }
}

TEST_CASE(
    "[MQTT-1.5.5-1] a CONNECT of 5.0 has the shortest Remaining Length, which the framer cannot "
    "know") {
  const auto stretched = [](Version v) {
    const std::string bytes = wire::connect({.level = level(v)});
    return bytes.substr(0, 1) + static_cast<char>(bytes[1] | '\x80') + '\0' + bytes.substr(2);
  };
  CHECK(connect_is(stretched(Version::v5)) == "mqtt.remaining-length 81");
  CHECK(connect_is(stretched(Version::v3_1_1)) == "ok");
  CHECK(connect_is(stretched(Version::v3_1)) == "ok");
}

TEST_CASE("3.1.2.11.10: no authentication data without a method") {
  const std::string data = u8(0x16) + text("data");
  CHECK(connect_is(wire::connect({.level = wire::v5, .properties = data})) ==
        "mqtt.auth-method 82");
  CHECK(connect_is(wire::connect(
            {.level = wire::v5, .properties = data + wire::authentication_method("X")})) == "ok");
}

TEST_CASE(
    "CVE-2017-7654, CVE-2021-34431, CVE-2023-3592: what does not belong into a Will is refused") {
  for (const std::string& property :
       {wire::topic_alias(1), wire::session_expiry(1), u8(0x0B) + u8(1), u8(0x1F) + text("r"),
        wire::receive_maximum(5), u8(0x00) + u8(0)}) {
    CHECK(connect_is(
              wire::connect({.level = wire::v5, .will_topic = "w", .will_properties = property})) ==
          "mqtt.property-unknown 81");
  }
  CHECK(connect_is(wire::connect({.level = wire::v5,
                                  .will_topic = "w",
                                  .will_properties = wire::response_topic("a/#")})) ==
        "mqtt.topic-name 81");
}

}  // namespace sallyport::mqtt::test
