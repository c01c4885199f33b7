#include "mqtt/encode.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "packets.h"
#include "samples.h"

/// What the gateway makes and rewrites, read back with the decoders.
namespace sallyport::mqtt::test {

namespace {

using wire::text, wire::u16, wire::u32, wire::u8;

template <typename Write>
std::string written(Write write) {
  Buffer out;
  out.append(as_bytes("before"));
  write(out);
  const std::string all(as_text(out.bytes()));
  CHECK(all.starts_with("before"));
  return all.substr(6);
}

std::string connack(Version v, bool present, ReasonCode reason) {
  return written([&](Buffer& out) { encode_connack(v, present, reason, out); });
}

constexpr ReasonCode kConnackReasons[] = {
    ReasonCode::success,
    ReasonCode::unsupported_protocol_version,
    ReasonCode::client_identifier_not_valid,
    ReasonCode::server_unavailable,
    ReasonCode::bad_user_name_or_password,
    ReasonCode::not_authorized,
    ReasonCode::malformed_packet,
    ReasonCode::quota_exceeded,
};

}  // namespace

TEST_CASE("3.2: a CONNACK of our own says what was meant, in every version") {
  for (const Version v : kVersions) {
    for (const ReasonCode reason : kConnackReasons) {
      for (const bool present : {false, true}) {
        const std::string bytes = connack(v, present, reason);
        const auto packet = decode_connack(frame_of(bytes, kBroker, v), v, {});
        REQUIRE(packet);
        CHECK(packet->code == (v == Version::v5
                                   ? static_cast<std::uint8_t>(reason)
                                   : static_cast<std::uint8_t>(to_return_code(reason))));
        CHECK(packet->session_present ==
              (present && reason == ReasonCode::success && v != Version::v3_1));
      }
    }
  }
  CHECK(connack(Version::v3_1_1, true, ReasonCode::success) == hex("20 02 01 00"));
  CHECK(connack(Version::v5, true, ReasonCode::success) == hex("20 03 01 00 00"));
  CHECK(connack(Version::v5, true, ReasonCode::not_authorized) == hex("20 03 00 87 00"));
  CHECK(connack(Version::v3_1, false, ReasonCode::client_identifier_not_valid) ==
        hex("20 02 00 02"));
}

TEST_CASE("3.4 to 3.7: acknowledgements of our own") {
  for (const Version v : kVersions) {
    for (const PacketType type :
         {PacketType::puback, PacketType::pubrec, PacketType::pubrel, PacketType::pubcomp}) {
      const bool first_two = type == PacketType::puback || type == PacketType::pubrec;
      for (const ReasonCode reason :
           {ReasonCode::success,
            first_two ? ReasonCode::quota_exceeded : ReasonCode::packet_identifier_not_found}) {
        const std::string bytes =
            written([&](Buffer& out) { encode_ack(type, v, 0x1234, reason, out); });
        for (const Side from : {kClient, kBroker}) {
          const auto packet = decode_ack(frame_of(bytes, from, v), from, v, {});
          REQUIRE(packet);
          CHECK(packet->type == type);
          CHECK(packet->packet_id == 0x1234);
          CHECK(packet->reason == (v == Version::v5 ? reason : ReasonCode::success));
        }
        CHECK(bytes.size() == (v == Version::v5 && reason != ReasonCode::success ? 5 : 4));
      }
    }
  }
}

TEST_CASE("3.9, 3.11: SUBACK and UNSUBACK of our own") {
  for (const Version v : kVersions) {
    const std::vector<std::uint8_t> codes = {0, 1, 0x80};
    const std::string suback =
        written([&](Buffer& out) { encode_suback(PacketType::suback, v, 77, codes, out); });
    const auto packet = decode_suback(frame_of(suback, kBroker, v), v, {});
    REQUIRE(packet);
    CHECK(packet->packet_id == 77);
    CHECK(as_text(packet->codes) == as_text(codes));

    const std::vector<std::uint8_t> gone = {0, 0x11, 0x87};
    const std::string unsuback =
        written([&](Buffer& out) { encode_suback(PacketType::unsuback, v, 78, gone, out); });
    const auto other = decode_suback(frame_of(unsuback, kBroker, v), v, {});
    REQUIRE(other);
    CHECK(other->type == PacketType::unsuback);
    CHECK(other->packet_id == 78);
    CHECK(other->codes.size() == (v == Version::v5 ? 3 : 0));
  }
  const std::vector<std::uint8_t> many(300, 0x80);
  const std::string large =
      written([&](Buffer& out) { encode_suback(PacketType::suback, Version::v5, 1, many, out); });
  CHECK(outcome(large, kBroker, Version::v5) == "ok");
}

TEST_CASE("3.12, 3.13, 3.14: small packets of our own") {
  CHECK(written([](Buffer& out) { encode_pingreq(out); }) == hex("C0 00"));
  CHECK(written([](Buffer& out) { encode_pingresp(out); }) == hex("D0 00"));
  for (const ReasonCode reason :
       {ReasonCode::success, ReasonCode::malformed_packet, ReasonCode::server_shutting_down}) {
    const std::string bytes = written([&](Buffer& out) { encode_disconnect(reason, out); });
    const auto packet =
        decode_disconnect(frame_of(bytes, kBroker, Version::v5), kBroker, Version::v5, {});
    REQUIRE(packet);
    CHECK(packet->reason == reason);
  }
}

TEST_CASE("3.2.2.3.16, 3.14.2.2.5: where a client is sent") {
  // As short, and as long as one length byte, two and three of them say, and as long as a string.
  for (const std::size_t size : {1U, 100U, 124U, 125U, 200U, 16'000U, 16'380U, 16'381U, 65'535U}) {
    CAPTURE(size);
    const std::string servers(size, 's');
    const std::string bye = written(
        [&](Buffer& out) { encode_disconnect(ReasonCode::use_another_server, out, servers); });
    const auto left =
        decode_disconnect(frame_of(bye, kBroker, Version::v5), kBroker, Version::v5, {});
    REQUIRE(left);
    CHECK(left->reason == ReasonCode::use_another_server);
    CHECK(bye.size() <= size + kReferralOverhead);
    const std::string no = written([&](Buffer& out) {
      encode_connack(Version::v5, true, ReasonCode::use_another_server, out, servers);
    });
    const auto refused = decode_connack(frame_of(no, kBroker, Version::v5), Version::v5, {});
    REQUIRE(refused);
    CHECK(refused->code == static_cast<std::uint8_t>(ReasonCode::use_another_server));
    CHECK_FALSE(refused->session_present);
    CHECK(no.size() <= size + kReferralOverhead);
    for (const std::string& packet : {bye, no}) {
      CHECK(packet.ends_with(std::string("\x1C", 1) + static_cast<char>(size >> 8) +
                             static_cast<char>(size) + servers));
    }
  }
  // 3.x has no property.
  CHECK(written([](Buffer& out) {
          encode_connack(Version::v3_1_1, false, ReasonCode::server_unavailable, out, "s");
        }) == hex("20 02 00 03"));
}

TEST_CASE("a PUBLISH gets its topic back, and nothing else changes") {
  for (const Version v : kVersions) {
    for (const std::size_t payload_size : {std::size_t{0}, std::size_t{100}, std::size_t{16'000}}) {
      for (const std::string& topic :
           {std::string("a"), std::string("plant/7/x"), std::string(200, 't')}) {
        const std::string raw =
            v == Version::v5 ? wire::topic_alias(9) + user_property("k", "v") : "";
        const std::string payload(payload_size, '#');
        wire::Publish packet{.level = level(v),
                             .topic = v == Version::v5 ? "" : "old",
                             .payload = payload,
                             .qos = 2,
                             .packet_id = 600,
                             .retain = true,
                             .dup = true,
                             .properties = raw};
        const std::string before = wire::publish(packet);
        packet.topic = topic;
        const std::string expected = wire::publish(packet);
        const std::string head = written([&](Buffer& out) {
          CHECK(rewrite_publish_topic(frame_of(before, kClient, v), topic, out));
        });
        CHECK(head + payload == expected);
      }
    }
  }
}

TEST_CASE("2.2.3: a PUBLISH that its topic would make too long is left alone") {
  Frame frame = frame_of(wire::publish({.topic = "a", .payload = ""}), kClient, Version::v3_1_1);
  const std::string bytes = wire::publish({.topic = "a", .payload = ""});
  frame.head = as_bytes(bytes);
  Buffer out;
  frame.payload_size = kMaxRemainingLength - 2 - 5;
  CHECK(rewrite_publish_topic(frame, "12345", out));
  out.clear();
  CHECK_FALSE(rewrite_publish_topic(frame, "123456", out));
  CHECK_FALSE(rewrite_publish_topic(frame, std::string(65'536, 'a'), out));
  CHECK(out.empty());
}

TEST_CASE("a SUBSCRIBE keeps the entries that are wanted, in order and as they were") {
  for (const Version v : kVersions) {
    const std::string raw =
        v == Version::v5 ? u8(0x0B) + wire::varint(300) + user_property("k", "v") : "";
    const unsigned options = v == Version::v5 ? 0x2E : 2;
    const std::vector<wire::Filter> all = {
        {"a/#", options}, {"b", 0}, {"$share/g/c", 1}, {std::string(150, 'd'), 1}};
    const std::string bytes =
        wire::subscribe(level(v), 0x0102, {all[0], all[1], all[2], all[3]}, raw);
    const Frame frame = frame_of(bytes, kClient, v);
    const auto packet = decode_subscribe(frame, v, {});
    REQUIRE(packet);
    for (unsigned mask = 1; mask < 16; ++mask) {
      const std::string out = written([&](Buffer& buffer) {
        CHECK(rewrite_subscribe(
            frame, *packet, [&](std::size_t i) { return (mask >> i & 1) != 0; }, buffer));
      });
      std::string body = u16(0x0102) + wire::properties(level(v), raw);
      for (std::size_t i = 0; i < all.size(); ++i) {
        if ((mask >> i & 1) != 0) body += text(all[i].filter) + u8(all[i].options);
      }
      CHECK(out == wire::packet(0x82, body));
      CHECK(outcome(out, kClient, v) == "ok");
    }
    Buffer none;
    CHECK_FALSE(rewrite_subscribe(
        frame, *packet, [](std::size_t) { return false; }, none));
    CHECK(none.empty());
  }
}

TEST_CASE("3.8.1: the DUP flag of a repeated SUBSCRIBE of 3.1 survives") {
  std::string bytes = wire::subscribe(wire::v3_1, 1, {{"a"}, {"b"}});
  bytes[0] = '\x8A';
  const Frame frame = frame_of(bytes, kClient, Version::v3_1);
  const auto packet = decode_subscribe(frame, Version::v3_1, {});
  REQUIRE(packet);
  Buffer out;
  REQUIRE(rewrite_subscribe(
      frame, *packet, [](std::size_t i) { return i == 1; }, out));
  CHECK(out.bytes()[0] == 0x8A);
}

TEST_CASE("a SUBACK gets its codes back, and keeps its properties") {
  for (const Version v : kVersions) {
    const std::string raw =
        v == Version::v5 ? u8(0x1F) + text("why") + user_property("k", "v") : "";
    const std::string bytes = wire::suback(level(v), 500, {1, 2}, raw);
    const Frame frame = frame_of(bytes, kBroker, v);
    const auto packet = decode_suback(frame, v, {});
    REQUIRE(packet);
    std::vector<std::uint8_t> codes(200, 0x80);
    codes[7] = 1;
    const std::string out =
        written([&](Buffer& buffer) { CHECK(rewrite_suback(frame, *packet, codes, buffer)); });
    CHECK(out == wire::packet(0x90, u16(500) + wire::properties(level(v), raw) +
                                        std::string(as_text(codes))));
  }
}

TEST_CASE("CONNECT: properties are set in place or behind the others, the rest stays") {
  wire::Connect connect{
      .level = wire::v5,
      .client_id = "c",
      .properties = user_property("a", "1") + wire::receive_maximum(10) + user_property("b", "2"),
      .will_topic = "w",
      .will_properties = user_property("will", "too"),
      .username = "u",
      .password = "p"};
  const std::string before = wire::connect(connect);
  const PropertyChange changes[] = {{Property::maximum_packet_size, 100'000},
                                    {Property::receive_maximum, 5},
                                    {Property::topic_alias_maximum, 0}};
  connect.properties = user_property("a", "1") + wire::receive_maximum(5) +
                       user_property("b", "2") + wire::maximum_packet_size(100'000) +
                       wire::topic_alias_maximum(0);
  const std::string out = written([&](Buffer& buffer) {
    CHECK(rewrite_properties(frame_of(before, kClient, Version::v5), changes, buffer));
  });
  CHECK(out == wire::connect(connect));
  CHECK(outcome(out, kClient, Version::v5) == "ok");
}

TEST_CASE("CONNACK: properties are set, and both lengths grow where they must") {
  for (const std::size_t fill : {std::size_t{0}, std::size_t{115}, std::size_t{117},
                                 std::size_t{120}, std::size_t{122}, std::size_t{125}}) {
    const std::string old = fill == 0 ? "" : u8(0x1F) + text(std::string(fill, 'r'));
    const std::string before = wire::connack(wire::v5, 0, old, true);
    const PropertyChange changes[] = {{Property::server_keep_alive, 60},
                                      {Property::topic_alias_maximum, 16}};
    const std::string out = written([&](Buffer& buffer) {
      CHECK(rewrite_properties(frame_of(before, kBroker, Version::v5), changes, buffer));
    });
    CHECK(out == wire::connack(wire::v5, 0,
                               old + wire::server_keep_alive(60) + wire::topic_alias_maximum(16),
                               true));
  }
  const std::string before = wire::connack(wire::v5, 0, u8(0x24) + u8(1));
  const PropertyChange one[] = {{Property::maximum_qos, 0}};
  CHECK(written([&](Buffer& buffer) {
          CHECK(rewrite_properties(frame_of(before, kBroker, Version::v5), one, buffer));
        }) == wire::connack(wire::v5, 0, u8(0x24) + u8(0)));
  CHECK(written([&](Buffer& buffer) {
          CHECK(rewrite_properties(frame_of(before, kBroker, Version::v5), {}, buffer));
        }) == before);
}

TEST_CASE("properties that cannot be set make the answer no, and nothing is written") {
  const std::string five = wire::connect({.level = wire::v5});
  const std::string three = wire::connect({.level = wire::v3_1_1});
  const std::string connack = wire::connack(wire::v5);
  const auto refused = [](const std::string& bytes, Side from,
                          std::vector<PropertyChange> changes) {
    Buffer out;
    const bool done = rewrite_properties(frame_of(bytes, from, Version::v5), changes, out);
    return !done && out.empty();
  };
  CHECK(refused(five, kClient, {{Property::reason_string, 1}}));
  CHECK(refused(five, kClient, {{Property::server_keep_alive, 1}}));
  CHECK(refused(five, kClient, {{Property::user_property, 1}}));
  CHECK(refused(five, kClient, {{Property::receive_maximum, 65'536}}));
  CHECK(refused(connack, kBroker, {{Property::maximum_qos, 2}}));
  CHECK_FALSE(refused(connack, kBroker, {{Property::maximum_qos, 1}}));
  CHECK_FALSE(refused(connack, kBroker, {{Property::server_keep_alive, 65'535}}));
  CHECK(refused(connack, kBroker, {{Property::subscription_identifier, 2}}));
  CHECK(refused(connack, kBroker,
                {{Property::server_keep_alive, 1}, {Property::server_keep_alive, 2}}));
  CHECK(refused(three, kClient, {{Property::receive_maximum, 1}}));
  CHECK(refused(hex("20 02 00 01"), kBroker, {{Property::server_keep_alive, 1}}));
}

}  // namespace sallyport::mqtt::test
