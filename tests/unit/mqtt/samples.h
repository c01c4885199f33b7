#pragma once

#include <string>
#include <vector>

#include "packets.h"

namespace sallyport::mqtt::test {

/// One valid packet of somebody.
struct Sample {
  std::string what;
  std::string bytes;
  Side from;
  Version version;
};

inline std::string user_property(std::string_view name, std::string_view value) {
  return wire::u8(0x26) + wire::text(name) + wire::text(value);
}

inline void add_3x_samples(std::vector<Sample>& out, Version version) {
  const wire::Level l = level(version);
  const auto add = [&](Side from, std::string what, std::string bytes) {
    out.push_back({std::move(what), std::move(bytes), from, version});
  };
  add(kClient, "CONNECT", wire::connect({.level = l}));
  add(kClient, "CONNECT with all",
      wire::connect({.level = l,
                     .client_id = "sensor-1",
                     .clean = false,
                     .will_topic = "plant/1/state",
                     .will_qos = 2,
                     .will_retain = true,
                     .username = "user",
                     .password = "secret"}));
  add(kBroker, "CONNACK", wire::connack(l));
  add(kBroker, "CONNACK refused", wire::connack(l, version == Version::v5 ? 0x87 : 5));
  for (const Side from : {kClient, kBroker}) {
    for (unsigned qos = 0; qos <= 2; ++qos) {
      add(from, "PUBLISH QoS " + std::to_string(qos),
          wire::publish({.level = l, .topic = "a/b", .payload = "hello", .qos = qos}));
    }
    add(from, "PUBLISH without payload", wire::publish({.level = l, .topic = "t", .payload = ""}));
    add(from, "PUBLISH with much payload",
        wire::publish({.level = l, .topic = "t/u", .payload = std::string(20'000, 'p')}));
    add(from, "PUBLISH with a long topic",
        wire::publish({.level = l, .topic = std::string(900, 't'), .qos = 1, .dup = true}));
    for (unsigned type = 4; type <= 7; ++type) add(from, "ack", wire::ack(type, 7));
  }
  add(kClient, "SUBSCRIBE", wire::subscribe(l, 9, {{"a/#", 1}, {"b", 0}, {"$share/g/c/+", 2}}));
  add(kBroker, "SUBACK", wire::suback(l, 9, {1, 0, 2, 0x80}));
  add(kClient, "UNSUBSCRIBE", wire::unsubscribe(l, 10, {"a/#", "b"}));
  add(kClient, "PINGREQ", wire::pingreq());
  add(kBroker, "PINGRESP", wire::pingresp());
  add(kClient, "DISCONNECT", wire::disconnect());
}

inline void add_5_samples(std::vector<Sample>& out) {
  const auto add = [&](Side from, std::string what, std::string bytes) {
    out.push_back({std::move(what), std::move(bytes), from, Version::v5});
  };
  using namespace wire;
  const std::string users = user_property("k", "v") + user_property("k", "w");
  add(kClient, "CONNECT with properties",
      connect({.level = v5,
               .client_id = "",
               .properties = session_expiry(60) + receive_maximum(10) + maximum_packet_size(9000) +
                             topic_alias_maximum(5) + u8(0x19) + u8(1) + u8(0x17) + u8(0) +
                             authentication_method("SCRAM") + u8(0x16) + text("data") + users,
               .will_topic = "w/t",
               .will_qos = 1,
               .will_properties = u8(0x18) + u32(5) + u8(0x01) + u8(1) + u8(0x02) + u32(9) +
                                  u8(0x03) + text("text/plain") + response_topic("r/t") + u8(0x09) +
                                  text("corr") + users}));
  add(kBroker, "CONNACK with properties",
      connack(v5, 0,
              session_expiry(1) + receive_maximum(20) + u8(0x24) + u8(1) + u8(0x25) + u8(0) +
                  maximum_packet_size(1000) + assigned_client_id("auto-1") +
                  topic_alias_maximum(3) + u8(0x1F) + text("why") + users + u8(0x28) + u8(0) +
                  u8(0x29) + u8(1) + u8(0x2A) + u8(1) + server_keep_alive(30) + u8(0x1A) +
                  text("info") + u8(0x1C) + text("other") + authentication_method("SCRAM") +
                  u8(0x16) + text("data"),
              true));
  add(kBroker, "CONNACK of a broker of 3.1.1", hex("20 02 00 01"));
  const std::string message = u8(0x01) + u8(1) + u8(0x02) + u32(30) + u8(0x03) + text("json") +
                              response_topic("answers/1") + u8(0x09) + text("id") + topic_alias(4) +
                              users;
  for (const Side from : {kClient, kBroker}) {
    add(from, "PUBLISH with properties",
        publish({.level = v5, .topic = "a/b", .qos = 2, .properties = message}));
    add(from, "PUBLISH by alias",
        publish({.level = v5, .topic = "", .payload = "", .properties = topic_alias(4)}));
    add(from, "PUBLISH with many properties",
        publish({.level = v5,
                 .topic = "a",
                 .qos = 1,
                 .properties = user_property("name", std::string(300, 'v'))}));
    for (unsigned type = 4; type <= 7; ++type) {
      const unsigned reason = type < 6 ? 0x97 : 0x92;
      const unsigned first = type << 4 | (type == 6 ? 2 : 0);
      add(from, "ack with reason", ack(type, 7, reason));
      add(from, "ack with properties",
          packet(first, u16(7) + u8(reason) + properties(v5, u8(0x1F) + text("why") + users)));
      add(from, "ack with no properties", packet(first, u16(7) + u8(0) + properties(v5)));
    }
    add(from, "DISCONNECT with reason", disconnect(0x81));
    add(from, "DISCONNECT with properties",
        packet(0xE0, u8(0x98) + properties(v5, u8(0x1F) + text("why") + users)));
    add(from, "DISCONNECT with nothing", disconnect());
    add(from, "AUTH",
        packet(0xF0, u8(0x18) + properties(v5, authentication_method("SCRAM") + u8(0x16) +
                                                   text("data") + users)));
  }
  add(kClient, "DISCONNECT with a session expiry",
      packet(0xE0, u8(0x04) + properties(v5, session_expiry(7))));
  add(kBroker, "DISCONNECT to another server",
      packet(0xE0, u8(0x9C) + properties(v5, u8(0x1C) + text("other.example"))));
  add(kBroker, "AUTH of success", hex("F0 00"));
  add(kBroker, "PUBLISH for two subscriptions",
      publish({.level = v5,
               .topic = "a/b",
               .properties = u8(0x0B) + varint(1) + u8(0x0B) + varint(268'435'455)}));
  add(kClient, "SUBSCRIBE with properties",
      subscribe(v5, 9, {{"a/#", 0x2E}, {"$share/g/b", 0x11}}, u8(0x0B) + varint(77) + users));
  add(kBroker, "SUBACK with properties",
      suback(v5, 9, {0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2},
             u8(0x1F) + text("why") + users));
  add(kClient, "UNSUBSCRIBE with properties",
      packet(0xA2, u16(3) + properties(v5, users) + text("a/#") + text("$share/g/b")));
  add(kBroker, "UNSUBACK",
      packet(0xB0, u16(3) + properties(v5, users) + u8(0) + u8(0x11) + u8(0x80)));
}

/// Packets of every type, both sides, all versions.
inline std::vector<Sample> samples() {
  std::vector<Sample> out;
  for (const Version version : {Version::v3_1, Version::v3_1_1, Version::v5}) {
    add_3x_samples(out, version);
  }
  for (const Version version : {Version::v3_1, Version::v3_1_1}) {
    out.push_back({"UNSUBACK", hex("B0 02 00 0A"), kBroker, version});
  }
  add_5_samples(out);
  return out;
}

}  // namespace sallyport::mqtt::test
