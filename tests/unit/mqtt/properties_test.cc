#include "mqtt/properties.h"

#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "packets.h"
#include "samples.h"

/// Properties of 5.0, through the decoders of the packets that carry them. 2.2.2
namespace sallyport::mqtt::test {

namespace {

using wire::text, wire::u16, wire::u32, wire::u8, wire::v5;

/// A packet, and who sends it, with this property block in it.
struct Carrier {
  const char* what;
  Side from;
  std::string (*packet)(const std::string& raw);
  std::string needs = {};  // a property that it must have, or else is wrong for another reason
};

const Carrier kCarriers[] = {
    {"CONNECT", kClient,
     [](const std::string& raw) { return wire::connect({.level = v5, .properties = raw}); }},
    {"Will", kClient,
     [](const std::string& raw) {
       return wire::connect({.level = v5, .will_topic = "w", .will_properties = raw});
     }},
    {"CONNACK", kBroker, [](const std::string& raw) { return wire::connack(v5, 0, raw); }},
    {"PUBLISH up", kClient,
     [](const std::string& raw) {
       return wire::publish({.level = v5, .topic = "a", .properties = raw});
     }},
    {"PUBLISH down", kBroker,
     [](const std::string& raw) {
       return wire::publish({.level = v5, .topic = "a", .properties = raw});
     }},
    {"PUBACK", kClient,
     [](const std::string& raw) {
       return wire::packet(0x40, u16(1) + u8(0) + wire::properties(v5, raw));
     }},
    {"PUBREC", kBroker,
     [](const std::string& raw) {
       return wire::packet(0x50, u16(1) + u8(0) + wire::properties(v5, raw));
     }},
    {"PUBREL", kClient,
     [](const std::string& raw) {
       return wire::packet(0x62, u16(1) + u8(0) + wire::properties(v5, raw));
     }},
    {"PUBCOMP", kBroker,
     [](const std::string& raw) {
       return wire::packet(0x70, u16(1) + u8(0) + wire::properties(v5, raw));
     }},
    {"SUBSCRIBE", kClient,
     [](const std::string& raw) { return wire::subscribe(v5, 1, {{"a"}}, raw); }},
    {"SUBACK", kBroker, [](const std::string& raw) { return wire::suback(v5, 1, {0}, raw); }},
    {"UNSUBSCRIBE", kClient,
     [](const std::string& raw) {
       return wire::packet(0xA2, u16(1) + wire::properties(v5, raw) + text("a"));
     }},
    {"UNSUBACK", kBroker,
     [](const std::string& raw) {
       return wire::packet(0xB0, u16(1) + wire::properties(v5, raw) + u8(0));
     }},
    {"DISCONNECT up", kClient,
     [](const std::string& raw) { return wire::packet(0xE0, u8(0) + wire::properties(v5, raw)); }},
    {"DISCONNECT down", kBroker,
     [](const std::string& raw) { return wire::packet(0xE0, u8(0) + wire::properties(v5, raw)); }},
    {"AUTH", kClient,
     [](const std::string& raw) {
       return wire::packet(0xF0, u8(0x18) + wire::properties(v5, raw));
     },
     wire::authentication_method("X")},
};

/// A property with a value that is right, and where it may stand: table 2-4 of 2.2.2.2 and what
/// the sections say of directions, written out once more.
struct Known {
  unsigned id;
  std::string value;
  std::vector<std::string> carriers;
};
const std::vector<std::string> kMessage = {"PUBLISH up", "PUBLISH down", "Will"};
const std::vector<std::string> kHandshake = {"CONNECT", "CONNACK"};
const std::vector<std::string> kConnackOnly = {"CONNACK"};
const std::vector<std::string> kEverywhere = {
    "CONNECT",  "Will",          "CONNACK",         "PUBLISH up", "PUBLISH down", "PUBACK",
    "PUBREC",   "PUBREL",        "PUBCOMP",         "SUBSCRIBE",  "SUBACK",       "UNSUBSCRIBE",
    "UNSUBACK", "DISCONNECT up", "DISCONNECT down", "AUTH"};
const Known kKnown[] = {
    {0x01, u8(1), kMessage},
    {0x02, u32(0), kMessage},
    {0x03, text("text/plain"), kMessage},
    {0x08, text("r/t"), kMessage},
    {0x09, text("\xFF\x00"), kMessage},
    {0x0B, u8(5), {"PUBLISH down", "SUBSCRIBE"}},
    {0x11, u32(0), {"CONNECT", "CONNACK", "DISCONNECT up"}},
    {0x12, text("id"), kConnackOnly},
    {0x13, u16(0), kConnackOnly},
    {0x15, text("SCRAM"), {"CONNECT", "CONNACK", "AUTH"}},
    {0x16, text("\xFF\x00"), {"CONNECT", "CONNACK", "AUTH"}},
    {0x17, u8(0), {"CONNECT"}},
    {0x18, u32(9), {"Will"}},
    {0x19, u8(1), {"CONNECT"}},
    {0x1A, text("info"), kConnackOnly},
    {0x1C, text("other"), {"CONNACK", "DISCONNECT down"}},
    {0x1F,
     text("why"),
     {"CONNACK", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBACK", "UNSUBACK", "DISCONNECT up",
      "DISCONNECT down", "AUTH"}},
    {0x21, u16(1), kHandshake},
    {0x22, u16(0), kHandshake},
    {0x23, u16(1), {"PUBLISH up", "PUBLISH down"}},
    {0x24, u8(0), kConnackOnly},
    {0x25, u8(1), kConnackOnly},
    {0x26, text("k") + text("v"), kEverywhere},
    {0x27, u32(1), kHandshake},
    {0x28, u8(0), kConnackOnly},
    {0x29, u8(0), kConnackOnly},
    {0x2A, u8(0), kConnackOnly},
};

bool may_stand(const Known& property, std::string_view what) {
  return std::find(property.carriers.begin(), property.carriers.end(), what) !=
         property.carriers.end();
}

/// What else the packet needs for this property to be the only thing in question.
std::string beside(const Carrier& carrier, unsigned id) {
  if (id == 0x15) return "";
  if (id == 0x16) return wire::authentication_method("X");
  return carrier.needs;
}

std::string outcome_of(const Carrier& carrier, const std::string& raw, const Bounds& bounds = {}) {
  return outcome(carrier.packet(raw), carrier.from, Version::v5, bounds);
}

/// Known, allowed for the packet type, and sent by the wrong side.
bool wrong_side(unsigned id, std::string_view what) {
  return (id == 0x0B && what == "PUBLISH up") || (id == 0x11 && what == "DISCONNECT down") ||
         (id == 0x1C && what == "DISCONNECT up");
}

const Carrier& carrier(std::string_view what) {
  return *std::find_if(std::begin(kCarriers), std::end(kCarriers),
                       [what](const Carrier& c) { return c.what == what; });
}

}  // namespace

TEST_CASE("2.2.2.2: every property in every packet, both sides") {
  for (const Carrier& c : kCarriers) {
    for (const Known& p : kKnown) {
      CAPTURE(c.what);
      CAPTURE(p.id);
      const std::string raw = u8(p.id) + p.value;
      const std::string expected = may_stand(p, c.what)       ? "ok"
                                   : wrong_side(p.id, c.what) ? "mqtt.property-unknown 82"
                                                              : "mqtt.property-unknown 81";
      CHECK(outcome_of(c, beside(c, p.id) + raw) == expected);
    }
  }
}

TEST_CASE("2.2.2.2: identifiers that do not exist, or are not in their shortest form") {
  for (const Carrier& c : kCarriers) {
    for (unsigned id = 0; id < 256; ++id) {
      const bool known = std::any_of(std::begin(kKnown), std::end(kKnown),
                                     [id](const Known& p) { return p.id == id; });
      if (known) continue;
      CHECK(outcome_of(c, u8(id) + std::string(8, '\0')) == "mqtt.property-unknown 81");
    }
    CHECK(outcome_of(c, hex("A6 00 00 01 6B 00 01 76")) == "mqtt.property-unknown 81");
  }
}

TEST_CASE("3.1.2.11 and the like: a property stands once, except where it may be repeated") {
  for (const Carrier& c : kCarriers) {
    for (const Known& p : kKnown) {
      if (!may_stand(p, c.what)) continue;
      CAPTURE(c.what);
      CAPTURE(p.id);
      const std::string raw = u8(p.id) + p.value;
      const std::string twice = beside(c, p.id) + raw + user_property("a", "b") + raw;
      const bool repeatable =
          p.id == 0x26 || (p.id == 0x0B && std::string_view(c.what) == "PUBLISH down");
      CHECK(outcome_of(c, twice) == std::string(repeatable ? "ok" : "mqtt.property-twice 82"));
    }
  }
}

TEST_CASE("2.2.2.1: a value that the property length cuts is refused at every place") {
  for (const Carrier& c : kCarriers) {
    for (const Known& p : kKnown) {
      if (!may_stand(p, c.what)) continue;
      const std::string raw = u8(p.id) + p.value;
      for (std::size_t size = 1; size < raw.size(); ++size) {
        CHECK(outcome_of(c, beside(c, p.id) + raw.substr(0, size)) == "mqtt.property-length 81");
      }
    }
  }
}

TEST_CASE("2.2.2: values out of their range") {
  struct Row {
    const char* carrier;
    std::string raw;
    const char* expected;
  };
  const Row rows[] = {
      {"CONNECT", u8(0x21) + u16(0), "mqtt.property-value 82"},      // 3.1.2.11.3
      {"CONNACK", u8(0x21) + u16(0), "mqtt.property-value 82"},      // 3.2.2.3.3
      {"CONNECT", u8(0x27) + u32(0), "mqtt.property-value 82"},      // 3.1.2.11.4
      {"CONNACK", u8(0x27) + u32(0), "mqtt.property-value 82"},      // 3.2.2.3.6
      {"PUBLISH down", u8(0x0B) + u8(0), "mqtt.property-value 82"},  // 3.3.2.3.8
      {"SUBSCRIBE", u8(0x0B) + u8(0), "mqtt.property-value 82"},     // 3.8.2.1.2
      {"PUBLISH up", u8(0x23) + u16(0), "mqtt.topic-alias 94"},      // [MQTT-3.3.2-8]
  };
  for (const Row& row : rows) CHECK(outcome_of(carrier(row.carrier), row.raw) == row.expected);

  // Bytes that stand for yes and no. 3.1.2.11.6, 3.1.2.11.7, 3.2.2.3.4, 3.2.2.3.5, 3.3.2.3.2
  for (const Known& p : kKnown) {
    if (p.value.size() != 1 || p.id == 0x0B) continue;
    for (unsigned value = 0; value < 256; ++value) {
      for (const std::string& what : p.carriers) {
        CHECK(outcome_of(carrier(what), u8(p.id) + u8(value)) ==
              std::string(value < 2 ? "ok" : "mqtt.property-value 82"));
      }
    }
  }
}

TEST_CASE("[MQTT-1.5.4-1] [MQTT-1.5.7-1] every string of every property is UTF-8") {
  const unsigned strings[] = {0x03, 0x12, 0x15, 0x1A, 0x1C, 0x1F};
  for (const Carrier& c : kCarriers) {
    for (const Known& p : kKnown) {
      if (!may_stand(p, c.what)) continue;
      if (std::find(std::begin(strings), std::end(strings), p.id) == std::end(strings)) continue;
      const std::string before = beside(c, p.id) + u8(p.id);
      CHECK(outcome_of(c, before + text("\xC0\x80")) == "mqtt.utf8 81");
      CHECK(outcome_of(c, before + text(std::string_view("\0", 1))) == "mqtt.utf8 81");
      CHECK(outcome_of(c, before + text("a\x1B[31m")) == "mqtt.control-character 81");
      CHECK(outcome_of(c, before + text("plän")) == "ok");
    }
    CHECK(outcome_of(c, c.needs + user_property("\xFF", "v")) == "mqtt.utf8 81");
    CHECK(outcome_of(c, c.needs + user_property("k", "\xED\xA0\x80")) == "mqtt.utf8 81");
    CHECK(outcome_of(c, c.needs + user_property("k", "a\nb")) == "mqtt.control-character 81");
  }
}

TEST_CASE("mosquitto 2.0.12: user properties are limited in number and in bytes") {
  Bounds bounds;
  bounds.max_user_properties = 3;
  bounds.max_user_property_bytes = 20;
  for (const Carrier& c : kCarriers) {
    CAPTURE(c.what);
    const std::string one = user_property("k", "v");
    CHECK(outcome_of(c, c.needs + one + one + one, bounds) == "ok");
    CHECK(outcome_of(c, c.needs + one + one + one + one, bounds) == "mqtt.user-properties 97");
    CHECK(outcome_of(c, c.needs + user_property("0123456789", "0123456789"), bounds) == "ok");
    CHECK(outcome_of(c, c.needs + user_property("0123456789", "0123456789x"), bounds) ==
          "mqtt.user-properties 97");
    CHECK(outcome_of(c,
                     c.needs + user_property("0123456789", "01234567") + user_property("abc", ""),
                     bounds) == "mqtt.user-properties 97");
  }
  bounds.max_user_properties = 0;
  CHECK(outcome_of(carrier("PUBLISH up"), user_property("", ""), bounds) ==
        "mqtt.user-properties 97");
}

TEST_CASE("2.2.2: a block is read back as it stands") {
  const std::string raw = u8(0x01) + u8(1) + u8(0x02) + u32(70'000) + u8(0x03) + text("json") +
                          u8(0x23) + u16(500) + u8(0x0B) + wire::varint(20'000) + u8(0x09) +
                          text("\xFF") + user_property("key", "value");
  const std::string bytes = wire::publish({.level = v5, .topic = "a", .properties = raw});
  const auto packet =
      decode_publish(frame_of(bytes, kBroker, Version::v5), kBroker, Version::v5, {});
  REQUIRE(packet);
  CHECK(as_text(packet->properties.raw) == raw);
  CHECK(packet->properties.user_count == 1);
  CHECK(packet->properties.user_bytes == 8);

  Bytes rest = packet->properties.raw;
  std::vector<PropertyView> seen;
  std::string glued;
  for (PropertyView p; next_property(rest, p);) {
    seen.push_back(p);
    glued += as_text(p.raw);
  }
  CHECK(glued == raw);
  REQUIRE(seen.size() == 7);
  CHECK(seen[0].id == Property::payload_format_indicator);
  CHECK(seen[0].number == 1);
  CHECK(seen[1].number == 70'000);
  CHECK(as_text(seen[2].value) == "json");
  CHECK(seen[3].number == 500);
  CHECK(seen[4].number == 20'000);
  CHECK(as_text(seen[5].value) == "\xFF");
  CHECK(seen[6].id == Property::user_property);
  CHECK(as_text(seen[6].value) == "key");
  CHECK(as_text(seen[6].second) == "value");
}

TEST_CASE("walking a block that was never validated ends, and reads nothing beyond") {
  for (const char* digits :
       {"00", "FF FF", "02 00 00", "1F 00 05 61", "26 00 01 61 00 09", "0B 80", "23 00"}) {
    const Exact block(hex(digits));
    Bytes rest = block.bytes();
    PropertyView p;
    CHECK_FALSE(next_property(rest, p));
  }
}

}  // namespace sallyport::mqtt::test
