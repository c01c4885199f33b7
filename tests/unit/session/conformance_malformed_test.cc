// Packets that are wrong by themselves, in an open session, from either side: a client's ends it, a
// broker's costs that packet.

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::u16;
using wire::u8;
using wire::v3_1_1;
using wire::v5;

namespace {

std::string publish(wire::Level level, std::string_view topic, unsigned qos = 0, unsigned id = 1) {
  return wire::publish({.level = level, .topic = std::string(topic), .qos = qos, .packet_id = id});
}
std::string publish_with(std::string_view properties) {
  return wire::publish({.level = v5, .topic = "t", .properties = std::string(properties)});
}

}  // namespace

TEST_CASE("strings and topic names of a PUBLISH, from either side") {
  const std::string nul = std::string("a\0b", 3);
  for (const wire::Level level : wire::kBoth) {
    for (const char* bad : {"a\xC3", "\xED\xA0\x80", "\xC0\xAF", "\xF4\x90\x80\x80", "\xFF"}) {
      from_both(check_refused,
                {"[MQTT-1.5.3-1 from both] [MQTT-1.5.4-1 from both] [MQTT-3.3.2-1 from both]",
                 level,
                 {},
                 publish(level, bad),
                 "mqtt.utf8 81"});
    }
    from_both(check_refused,
              {"[MQTT-1.5.3-2 from both] [MQTT-1.5.4-2 from both] [MQTT-4.7.3-2 from both]",
               level,
               {},
               publish(level, nul),
               "mqtt.utf8 81"});
    for (const char* bad : {"#", "a/#", "+", "a/+/b", "a+"}) {
      from_both(
          check_refused,
          {"[MQTT-3.3.2-2 from both] [MQTT-4.7.0-1 from both] [MQTT-4.7.1-1 (3.1.1) from both]",
           level,
           {},
           publish(level, bad),
           "mqtt.topic-name 81"});
    }
    // 5.0 parses it, for an alias could stand further back.
    from_both(check_refused, {"[MQTT-4.7.3-1 from both]",
                              level,
                              {},
                              publish(level, ""),
                              level == v5 ? "mqtt.topic-name 82" : "mqtt.topic-name 81"});
    from_both(check_passes, {"[MQTT-1.5.3-3 from both] [MQTT-1.5.4-3 from both]",
                             level,
                             {},
                             publish(level,
                                     "\xEF\xBB\xBF"
                                     "a/\xEF\xBB\xBF"),
                             {}});
  }
}

TEST_CASE("strings of properties, from either side") {
  const Case rows[] = {
      {"[MQTT-1.5.7-1 from both]",
       v5,
       {},
       publish_with(user_property("\xFF", "v")),
       "mqtt.utf8 81"},
      {"[MQTT-1.5.7-1 from both]",
       v5,
       {},
       publish_with(user_property("n", "\xFF")),
       "mqtt.utf8 81"},
      {"[MQTT-3.3.2-19 from both]",
       v5,
       {},
       publish_with(u8(3) + wire::text("\xFF")),
       "mqtt.utf8 81"},
      {"[MQTT-3.3.2-13 from both]",
       v5,
       {},
       publish_with(wire::response_topic("\xFF")),
       "mqtt.utf8 81"},
      {"[MQTT-3.3.2-14 from both]",
       v5,
       {},
       publish_with(wire::response_topic("a/#")),
       "mqtt.topic-name 81"},
      {"[MQTT-3.3.2-14 from both]",
       v5,
       {},
       publish_with(wire::response_topic("+/a")),
       "mqtt.topic-name 81"},
      {"[MQTT-3.3.2-8 from both]",
       v5,
       {},
       publish_with(wire::topic_alias(0)),
       "mqtt.topic-alias 94"},
  };
  for (const Case& row : rows) from_both(check_refused, row);
}

TEST_CASE("flags of the fixed header, from either side") {
  for (const wire::Level level : wire::kBoth) {
    for (unsigned flags = 1; flags < 16; ++flags) {
      for (const unsigned type : {4U, 5U, 7U}) {
        from_both(
            check_refused,
            {"[MQTT-2.2.2-1 (3.1.1) from both] [MQTT-2.2.2-2 from both] [MQTT-2.1.3-1 from both]",
             level,
             {},
             u8(type << 4 | flags) + u8(2) + u16(1),
             "mqtt.fixed-header-flags 81"});
      }
      if (flags == 2) continue;
      from_both(check_refused, {"[MQTT-3.6.1-1 from both]",
                                level,
                                {},
                                u8(0x60 | flags) + u8(2) + u16(1),
                                "mqtt.fixed-header-flags 81"});
    }
    for (unsigned flags = 0; flags < 16; ++flags) {
      if (flags == 2) continue;
      std::string request = wire::subscribe(level, 1, {{"a", 0}});
      request[0] = static_cast<char>(0x80 | flags);
      check_refused({"[MQTT-3.8.1-1]", level, Side::client, request, "mqtt.fixed-header-flags 81"});
      request = wire::unsubscribe(level, 1, {"a"});
      request[0] = static_cast<char>(0xA0 | flags);
      check_refused(
          {"[MQTT-3.10.1-1]", level, Side::client, request, "mqtt.fixed-header-flags 81"});
    }
  }
  for (unsigned flags = 1; flags < 16; ++flags) {
    const std::string bad = u8(0xE0 | flags) + u8(0);
    check_refused(
        {"[MQTT-3.14.1-1 (3.1.1)]", v3_1_1, Side::client, bad, "mqtt.fixed-header-flags 81"});
    from_both(check_refused,
              {"[MQTT-3.14.1-1 (5.0) from both]", v5, {}, bad, "mqtt.fixed-header-flags 81"});
    from_both(check_refused, {"[MQTT-3.15.1-1 from both]",
                              v5,
                              {},
                              u8(0xF0 | flags) + u8(0),
                              "mqtt.fixed-header-flags 81",
                              kMethod,
                              kMethod});
  }
}

TEST_CASE("QoS, DUP and packet identifiers of PUBLISH, from either side") {
  for (const wire::Level level : wire::kBoth) {
    std::string bad = publish(level, "t");
    bad[0] = 0x38;
    from_both(check_refused,
              {"[MQTT-3.3.1-2 from both] [MQTT-4.3.1-1 from both]", level, {}, bad, "mqtt.qos 82"});
    bad = publish(level, "t", 1);
    for (const char first : {'\x36', '\x3E', '\x37'}) {
      bad[0] = first;
      from_both(check_refused, {"[MQTT-3.3.1-4 from both]", level, {}, bad, "mqtt.qos 81"});
    }
    for (const unsigned qos : {1U, 2U}) {
      from_both(check_refused,
                {"[MQTT-2.3.1-1 from both] [MQTT-2.3.1-4] [MQTT-2.2.1-3] [MQTT-2.2.1-4]",
                 level,
                 {},
                 publish(level, "t", qos, 0),
                 "mqtt.packet-identifier 82"});
    }
    for (const std::string& request :
         {wire::subscribe(level, 0, {{"a", 0}}), wire::unsubscribe(level, 0, {"a"})}) {
      check_refused({"[MQTT-2.3.1-1 from client] [MQTT-2.2.1-3]", level, Side::client, request,
                     "mqtt.packet-identifier 82"});
    }
  }
}

TEST_CASE("5.0: lengths in their shortest form, and never left out") {
  const std::string padded_properties = wire::packet(0x30, wire::text("t") + u8(0x80) + u8(0));
  from_both(check_refused, {"[MQTT-1.5.5-1 from both]",
                            v5,
                            {},
                            std::string("\x30\x85\x00\x00\x01t\x00x", 8),
                            "mqtt.remaining-length 81"});
  from_both(check_refused,
            {"[MQTT-1.5.5-1 from both]", v5, {}, padded_properties, "mqtt.property-length 81"});
  from_both(check_refused, {"[MQTT-2.2.2-1 (5.0) from both]",
                            v5,
                            {},
                            wire::packet(0x30, wire::text("t")),
                            "mqtt.truncated 81"});
  check_refused({"[MQTT-2.2.2-1 (5.0) from client]", v5, Side::client,
                 wire::packet(0x82, u16(1) + wire::text("a") + u8(0)), "mqtt.truncated 81"});
  check_refused({"[MQTT-2.2.2-1 (5.0) from broker]", v5, Side::broker,
                 wire::packet(0x90, u16(1) + u8(0)), "mqtt.remaining-length 81"});
}

TEST_CASE("5.0: reason codes that a packet or its sender does not have") {
  const char* const ids[] = {"[MQTT-3.4.2-1 from both]", "[MQTT-3.5.2-1 from both]",
                             "[MQTT-3.6.2-1 from both]", "[MQTT-3.7.2-1 from both]"};
  for (const unsigned code : {0x01U, 0x05U, 0x11U, 0x81U, 0xA2U, 0xFFU}) {
    for (unsigned type = 4; type <= 7; ++type) {
      from_both(check_refused,
                {ids[type - 4], v5, {}, wire::ack(type, 1, code), "mqtt.reason-code 82"});
    }
  }
  for (const unsigned code : {0x01U, 0x05U, 0x10U, 0x84U, 0x92U, 0xFFU}) {
    from_both(check_refused,
              {"[MQTT-3.14.2-1 from both]", v5, {}, wire::disconnect(code), "mqtt.reason-code 82"});
  }
  for (const unsigned code : {0x01U, 0x17U, 0x80U, 0x8CU, 0xFFU}) {
    from_both(check_refused, {"[MQTT-3.15.2-1 from both]",
                              v5,
                              {},
                              auth(code, kMethod),
                              "mqtt.reason-code 82",
                              kMethod,
                              kMethod});
  }
  // Only the broker ends an authentication, only the client begins one anew.
  check_refused({"[MQTT-3.15.2-1 from client]", v5, Side::client, auth(0x00, kMethod),
                 "mqtt.reason-code 82", kMethod, kMethod});
  check_refused({"[MQTT-3.15.2-1 from broker]", v5, Side::broker, auth(0x19, kMethod),
                 "mqtt.reason-code 82", kMethod, kMethod});
  for (const unsigned code : {0x03U, 0x10U, 0x81U, 0xFFU}) {
    check_refused({"[MQTT-3.9.3-2 (5.0)] [MQTT-3.8.4-7]", v5, Side::broker,
                   wire::suback(v5, 1, {code}), "mqtt.reason-code 82"});
    check_refused(
        {"[MQTT-3.11.3-2]", v5, Side::broker, unsuback(1, {code}), "mqtt.reason-code 82"});
    check_refused({"[MQTT-3.9.3-2 (3.1.1)] [MQTT-3.8.4-5 (3.1.1)]", v3_1_1, Side::broker,
                   wire::suback(v3_1_1, 1, {code}), "mqtt.reason-code 82"});
  }
}

TEST_CASE("5.0: properties that only the other side may send") {
  check_refused({"[MQTT-3.3.4-6]", v5, Side::client, publish_with(u8(0x0B) + u8(1)),
                 "mqtt.property-unknown 82"});
  check_passes({"[MQTT-3.3.4-6]", v5, Side::broker, publish_with(u8(0x0B) + u8(1)), {}});
  check_refused({"[MQTT-3.14.2-2]", v5, Side::broker,
                 long_disconnect(0x80, wire::session_expiry(1)), "mqtt.property-unknown 82"});
}

TEST_CASE("SUBSCRIBE and UNSUBSCRIBE that are not what they must be") {
  for (const wire::Level level : wire::kBoth) {
    for (const char* bad : {"\xC3(", "\xED\xBF\xBF"}) {
      check_refused({"[MQTT-3.8.3-1]", level, Side::client, wire::subscribe(level, 1, {{bad, 0}}),
                     "mqtt.utf8 81"});
      check_refused({"[MQTT-3.10.3-1]", level, Side::client, wire::unsubscribe(level, 1, {bad}),
                     "mqtt.utf8 81"});
    }
    check_refused({"[MQTT-3.8.3-3 (3.1.1)] [MQTT-3.8.3-2 (5.0)]", level, Side::client,
                   wire::subscribe(level, 1, {}), "mqtt.no-filters 82"});
    check_refused({"[MQTT-3.10.3-2]", level, Side::client, wire::unsubscribe(level, 1, {}),
                   "mqtt.no-filters 82"});
    for (const char* bad : {"a#", "#/a", "a/#/b"}) {
      check_refused({"[MQTT-4.7.1-2 (3.1.1)] [MQTT-4.7.1-1 (5.0)]", level, Side::client,
                     wire::subscribe(level, 1, {{bad, 0}}), "mqtt.topic-filter 81"});
    }
    for (const char* bad : {"a+", "+a/b", "a/b+/c"}) {
      check_refused({"[MQTT-4.7.1-3] [MQTT-4.7.1-2 (5.0)]", level, Side::client,
                     wire::subscribe(level, 1, {{bad, 0}}), "mqtt.topic-filter 81"});
    }
    check_refused({"[MQTT-4.7.3-1 from client]", level, Side::client,
                   wire::subscribe(level, 1, {{"", 0}}), "mqtt.topic-filter 81"});
    for (const unsigned bits : {0x03U, 0x40U, 0x80U, 0xC1U}) {
      check_refused({"[MQTT-3.8.3-4 (3.1.1)] [MQTT-3.8.3-5]", level, Side::client,
                     wire::subscribe(level, 1, {{"a", 0}, {"b", bits}}),
                     level == v5 && bits == 3 ? "mqtt.subscription-options 82"
                                              : "mqtt.subscription-options 81"});
    }
  }
  // To 3.x the first of these are filters, which are refused one by one: see proportion_test.cc.
  for (const char* bad : {"$share/", "$share/g", "$share//a", "$share/g/"}) {
    check_refused({"[MQTT-4.8.2-1] [MQTT-4.8.2-2]", v5, Side::client,
                   wire::subscribe(v5, 1, {{bad, 0}}), "mqtt.share-name 81"});
  }
  for (const char* bad : {"$share/g+/a", "$share/#/a"}) {
    check_refused({"[MQTT-4.8.2-2]", v5, Side::client, wire::subscribe(v5, 1, {{bad, 0}}),
                   "mqtt.share-name 81"});
  }
  check_refused({"[MQTT-3.8.3-4 (5.0)]", v5, Side::client,
                 wire::subscribe(v5, 1, {{"$share/g/a", 0x04}}), "mqtt.subscription-options 82"});
  check_passes({"[MQTT-3.8.3-4 (5.0)]",
                v5,
                Side::client,
                wire::subscribe(v5, 1, {{"$share/g/a", 0}, {"a", 0x04}}),
                {}});
}

TEST_CASE(
    "[MQTT-4.8.0-1 from both] [MQTT-4.13.1-1] [MQTT-4.13.2-1 from both] what ends a session ends "
    "both connections, with a reason code where there is one") {
  for (const wire::Level level : wire::kBoth) {
    // The rows above check the same of every wrong packet; here is one for each way to be wrong.
    from_both(check_refused, {"malformed", level, {}, u8(0x00) + u8(0), "mqtt.packet-type 81"});
    from_both(check_ends,
              {"not at all", level, {}, "\x34\xFF\xFF\xFF\xFF\x7F", "mqtt.remaining-length 81"});
    check_refused(
        {"of the other side", level, Side::client, wire::pingresp(), "mqtt.packet-type 82"});
    check_refused(
        {"of the other side", level, Side::broker, wire::pingreq(), "mqtt.packet-type 82"});
  }
  for (const Side from : {Side::client, Side::broker}) {
    Conversation talk(everything());
    talk.open({.level = v5});
    send(talk, from, wire::disconnect(0x83));
    CHECK(gets(talk, other(from)) == wire::disconnect(0x83));
    CHECK(talk.closed());
  }
}
