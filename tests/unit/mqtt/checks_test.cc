#include "sallyport/checks.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "packets.h"
#include "refusal_codes.h"
#include "samples.h"

/// Every check has a stable name, and a packet that it refuses.
namespace sallyport::mqtt::test {

namespace {

using wire::text, wire::u16, wire::u8;

constexpr Check kAll[] = {
#define X(enumerator, name, words) Check::enumerator,
    SALLYPORT_CHECKS(X)
#undef X
};

// What needs more than one packet to be seen, or time, or the policy.
const std::set<Check> kOfTheSession = {
    Check::connect_first,     Check::unexpected_ack,     Check::receive_maximum,
    Check::qos2_in_flight,    Check::requests_in_flight, Check::keep_alive,
    Check::payload_too_large, Check::suback_codes,       Check::retain,
    Check::subscriptions,     Check::keep_alive_minimum, Check::keep_alive_maximum,
    Check::wrong_ack,         Check::too_many_filters,
};

struct Case {
  Check check;
  Side from;
  Version version;
  std::string bytes;
  Bounds bounds = {};
};

std::vector<Case> cases() {
  const auto v3 = Version::v3_1_1;
  const auto v5 = Version::v5;
  const auto publish5 = [](std::string raw, std::string topic = "a") {
    return wire::publish(
        {.level = wire::v5, .topic = std::move(topic), .properties = std::move(raw)});
  };
  std::string many_properties;
  for (int i = 0; i < 21; ++i) many_properties += user_property("k", "v");
  return {
      {Check::packet_type, kClient, v3, wire::connack(wire::v3_1_1)},
      {Check::fixed_header_flags, kClient, v3, hex("C1 00")},
      {Check::remaining_length, kClient, v3, hex("C0 01 00")},
      {Check::packet_too_large, kClient, v3, hex("30 FF FF FF 7F")},
      {Check::protocol_name, kClient, v3,
       wire::packet(0x10, text("AMQP") + hex("04 02 00 3C 00 00"))},
      {Check::protocol_version, kClient, v3,
       wire::packet(0x10, text("MQTT") + hex("07 02 00 3C 00 00"))},
      {Check::connect_flags, kClient, v3,
       wire::packet(0x10, text("MQTT") + hex("04 03 00 3C 00 00"))},
      {Check::connack_flags, kBroker, v3, hex("20 02 02 00")},
      {Check::client_id_invalid, kClient, v3, wire::connect({.client_id = "", .clean = false})},
      {Check::client_id_too_long, kClient, v3, wire::connect({.client_id = std::string(500, 'c')})},
      {Check::client_id_characters,
       kClient,
       v3,
       wire::connect({.client_id = "c"}),
       {.client_id_characters = Characters::none()}},
      {Check::will_too_large, kClient, v3,
       wire::connect({.will_topic = "t", .will_payload = std::string(20'000, 'w')})},
      {Check::truncated, kClient, v3, hex("82 05 00 01 00 09 61")},
      {Check::trailing_bytes, kClient, v3,
       wire::packet(0x10, text("MQTT") + hex("04 02 00 3C 00 01 61 00"))},
      {Check::utf8, kClient, v3, wire::publish({.topic = "\xFF"})},
      {Check::control_character, kClient, v3, wire::publish({.topic = "\n"})},
      {Check::packet_identifier, kBroker, v3, wire::puback(0)},
      {Check::qos, kClient, v3, hex("36 05 00 01 61 00 01")},
      {Check::reason_code, kBroker, v3, wire::suback(wire::v3_1_1, 1, {3})},
      {Check::property_unknown, kClient, v5, publish5(u8(0x7E) + u8(0))},
      {Check::property_twice, kClient, v5, publish5(u8(1) + u8(1) + u8(1) + u8(1))},
      {Check::property_value, kClient, v5, publish5(u8(1) + u8(2))},
      {Check::property_length, kClient, v5, publish5(u8(2) + u8(0))},
      {Check::user_properties, kClient, v5, publish5(many_properties)},
      {Check::topic_name, kClient, v3, wire::publish({.topic = "a/#"})},
      {Check::topic_filter, kClient, v3, wire::subscribe(wire::v3_1_1, 1, {{"a#"}})},
      {Check::topic_too_long, kClient, v3, wire::publish({.topic = std::string(2000, 'a')})},
      {Check::topic_levels, kClient, v3, wire::publish({.topic = std::string(100, '/')})},
      {Check::share_name, kClient, v3, wire::subscribe(wire::v3_1_1, 1, {{"$share/x"}})},
      {Check::topic_alias, kClient, v5, publish5(wire::topic_alias(0))},
      {Check::subscription_options, kClient, v3, wire::subscribe(wire::v3_1_1, 1, {{"a", 3}})},
      {Check::no_filters, kClient, v3, wire::subscribe(wire::v3_1_1, 1, {})},
      {Check::packet_gathered, kClient, v3, hex("82 80 80 30")},
      {Check::auth_method, kClient, v5, hex("F0 02 18 00")},
  };
}

}  // namespace

TEST_CASE("every check of the framer and the decoders refuses something, by its name") {
  std::set<Check> seen = kOfTheSession;
  for (const Case& c : cases()) {
    const std::string name(to_string(c.check));
    CAPTURE(name);
    const std::string told = outcome(c.bytes, c.from, c.version, c.bounds);
    CHECK(told.starts_with(name + " "));
    REQUIRE(kRefusalCodes.contains(name));
    CHECK(kRefusalCodes.at(name).contains(told.substr(name.size() + 1)));
    CHECK(seen.insert(c.check).second);
  }
  for (const Check check : kAll) {
    const std::string name(to_string(check));
    CAPTURE(name);
    CHECK(seen.contains(check) == name.starts_with("mqtt."));
  }
}

TEST_CASE("names of checks are stable words, once each") {
  std::set<std::string> names;
  for (const Check check : kAll) {
    const std::string name(to_string(check));
    CAPTURE(name);
    CHECK(names.insert(name).second);
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string::npos);
    CHECK_FALSE(describe(check).empty());
  }
}

TEST_CASE("names of versions, sides and packets") {
  CHECK(to_string(Version::v3_1) == "3.1");
  CHECK(to_string(Version::v3_1_1) == "3.1.1");
  CHECK(to_string(Version::v5) == "5.0");
  CHECK(to_string(Side::client) == "client");
  CHECK(to_string(Side::broker) == "broker");
  CHECK(other(Side::client) == Side::broker);
  CHECK(to_string(PacketType::connect) == "CONNECT");
  CHECK(to_string(PacketType::unsuback) == "UNSUBACK");
  CHECK(to_string(PacketType::auth) == "AUTH");
}

TEST_CASE("3.2.2.3 of 3.1.1: which return code a reason code becomes") {
  CHECK(to_return_code(ReasonCode::success) == ConnectReturnCode::accepted);
  CHECK(to_return_code(ReasonCode::unsupported_protocol_version) ==
        ConnectReturnCode::unacceptable_protocol_version);
  CHECK(to_return_code(ReasonCode::client_identifier_not_valid) ==
        ConnectReturnCode::identifier_rejected);
  CHECK(to_return_code(ReasonCode::server_unavailable) == ConnectReturnCode::server_unavailable);
  CHECK(to_return_code(ReasonCode::server_busy) == ConnectReturnCode::server_unavailable);
  CHECK(to_return_code(ReasonCode::bad_user_name_or_password) ==
        ConnectReturnCode::bad_user_name_or_password);
  // Whatever else is a refusal stays one.
  for (unsigned code = 0x80; code < 0x100; ++code) {
    CHECK(to_return_code(static_cast<ReasonCode>(code)) != ConnectReturnCode::accepted);
  }
}

}  // namespace sallyport::mqtt::test
