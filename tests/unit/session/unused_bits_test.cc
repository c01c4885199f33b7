// MQTT 3.1 calls bits "not used", and clients of that time set them. They pass, and nothing else
// does for that: 3.1.1 and 5.0 reserve the same bits, and QoS 3 stands for nothing in any version.

#include "conformance.h"

using namespace sallyport;
using namespace sallyport::test;
using wire::v3_1;
using wire::v3_1_1;
using wire::v5;

namespace {

std::string with_flags(std::string packet, unsigned flags) {
  const auto type = static_cast<unsigned>(static_cast<unsigned char>(packet[0])) & 0xF0U;
  packet[0] = static_cast<char>(type | flags);
  return packet;
}

/// The packets of an open session whose flags are not those of a PUBLISH, and which flags say
/// something in 3.1: QoS 1 in PUBREL, SUBSCRIBE and UNSUBSCRIBE. 3.1 to 3.14 (3.1)
struct BitsRow {
  Side from;
  std::string packet;
  bool has_qos;
};
std::vector<BitsRow> packets() {
  return {
      {Side::client, wire::puback(9), false},
      {Side::client, wire::pubrec(9), false},
      {Side::client, wire::pubrel(9), true},
      {Side::client, wire::pubcomp(9), false},
      {Side::client, wire::subscribe(v3_1, 9, {{"a"}}), true},
      {Side::client, wire::unsubscribe(v3_1, 9, {"a"}), true},
      {Side::client, wire::pingreq(), false},
      {Side::client, wire::disconnect(), false},
      {Side::broker, wire::puback(9), false},
      {Side::broker, wire::pubrec(9), false},
      {Side::broker, wire::pubrel(9), true},
      {Side::broker, wire::pubcomp(9), false},
      {Side::broker, wire::suback(v3_1, 9, {0}), false},
      {Side::broker, wire::packet(0xB0, wire::u16(9)), false},
      {Side::broker, wire::pingresp(), false},
  };
}

}  // namespace

TEST_CASE("3.1: flags of the fixed header that are not used pass byte for byte") {
  for (const BitsRow& row : packets()) {
    for (unsigned flags = 0; flags < 16; ++flags) {
      for (const wire::Level level : {v3_1, v3_1_1}) {
        CAPTURE(flags);
        CAPTURE(static_cast<int>(level));
        const std::string packet = with_flags(row.packet, flags);
        CAPTURE(static_cast<int>(packet[0]));
        Conversation talk(everything());
        talk.open({.level = level});
        send(talk, row.from, packet);
        const unsigned fixed = row.has_qos ? 2 : 0;
        const bool fits = level == v3_1 ? !row.has_qos || (flags & 6U) == fixed : flags == fixed;
        // Of a broker clients tolerate any.
        const bool of_broker = row.from == Side::broker;
        CHECK(gets(talk, other(row.from)) == (fits || of_broker ? packet : ""));
        CHECK(talk.events.refusals.size() == (fits ? 0 : 1));
        if (!fits) {
          CHECK(last_refusal(talk) ==
                (of_broker ? "mqtt.fixed-header-flags 82" : "mqtt.fixed-header-flags 81"));
        }
      }
    }
  }
}

TEST_CASE("3.1: so do those of CONNECT, once the version is known, and of CONNACK") {
  for (unsigned flags = 0; flags < 16; ++flags) {
    for (const wire::Level level : {v3_1, v3_1_1, v5}) {
      CAPTURE(flags);
      CAPTURE(static_cast<int>(level));
      const std::string connect = with_flags(wire::connect({.level = level}), flags);
      Conversation talk(everything());
      talk.client_sends(connect);
      const bool passes = level == v3_1 || flags == 0;
      CHECK(talk.dialled() == passes);
      CHECK(talk.closed() != passes);
      if (!passes) {
        CHECK(last_refusal(talk) == "mqtt.fixed-header-flags 81");
        continue;
      }
      talk.broker_accepts();
      CHECK(talk.broker_gets() == connect);
      if (level == v5) continue;  // whose CONNACK tells the gateway's bounds
      const std::string connack = with_flags(wire::connack(level), flags);
      talk.broker_sends(connack);
      CHECK(talk.client_gets() == connack);
      CHECK_FALSE(talk.closed());
    }
  }
}

TEST_CASE("3.1: DUP says nothing about a message of QoS 0") {
  for (const Side from : {Side::client, Side::broker}) {
    for (const wire::Level level : {v3_1, v3_1_1, v5}) {
      const std::string publish = wire::publish({.level = level, .topic = "t", .dup = true});
      Conversation talk(everything());
      talk.open({.level = level});
      send(talk, from, publish);
      CHECK(talk.closed() == (level != v3_1 && from == Side::client));
      if (level == v3_1 || from == Side::broker) CHECK(gets(talk, other(from)) == publish);
      if (level != v3_1) CHECK(last_refusal(talk) == "mqtt.qos 82");
    }
  }
}

TEST_CASE("3.1: the upper six bits beside a QoS are not used, asked for or granted") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    const bool is_qos = (byte & 3) != 3;
    const std::string subscribe = wire::subscribe(v3_1, 9, {{"a", byte}});
    Conversation talk(everything());
    talk.open({.level = v3_1});
    talk.client_sends(subscribe);
    CHECK(talk.broker_gets() == (is_qos ? subscribe : ""));
    CHECK(talk.closed() != is_qos);
    Conversation old(everything());
    old.open({.level = v3_1});
    old.client_sends(wire::subscribe(v3_1, 9, {{"a"}}));
    (void)old.broker_gets();
    old.broker_sends(wire::suback(v3_1, 9, {byte}));
    // A failure under any name is one; a QoS that does not exist becomes one.
    CHECK(old.client_gets() == wire::suback(v3_1, 9, {is_qos || byte >= 0x80 ? byte : 0x80U}));
  }
}

TEST_CASE("3.1: what the policy asks for is the QoS, whatever stands beside it") {
  policy::RuleSpec rule = allow("read", {}, {"#"});
  rule.max_qos = 1;
  Conversation talk(everybody({rule}));
  talk.open({.level = v3_1});
  talk.client_sends(wire::subscribe(v3_1, 9, {{"a", 0xFE}, {"b", 0xFD}}));
  CHECK(talk.broker_gets() == wire::subscribe(v3_1, 9, {{"b", 0xFD}}));
}

TEST_CASE("3.1: CONNECT's flags without a meaning pass") {
  const auto connect = [](unsigned flags, std::string_view rest = {}) {
    return wire::packet(0x10, wire::text("MQIsdp") + wire::u8(3) + wire::u8(flags) + wire::u16(60) +
                                  wire::text("c1") + std::string(rest));
  };
  // The lowest bit, and what belongs to a Will without one: QoS (3 as well) and RETAIN.
  for (const unsigned flags : {0x03U, 0x0AU, 0x12U, 0x1AU, 0x22U, 0x3BU}) {
    CAPTURE(flags);
    Conversation talk(everything());
    talk.client_sends(connect(flags));
    talk.broker_accepts();
    CHECK(talk.broker_gets() == connect(flags));
    CHECK(talk.events.refusals.empty());
  }
}
