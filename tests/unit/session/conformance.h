#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "conversation.h"

/// What the tests of single statements share. Their rows and titles name the statements that they
/// hold the gateway to; tests/conformance/check.py says in which form.
namespace sallyport::test {

/// Everything is allowed: what is refused is refused by the protocol.
[[nodiscard]] inline policy::PolicySpec everything() {
  return everybody({allow("all", {"#"}, {"#"})});
}

inline void send(Conversation& talk, Side from, std::string_view bytes) {
  from == Side::client ? talk.client_sends(bytes) : talk.broker_sends(bytes);
}
inline std::string gets(Conversation& talk, Side side) {
  return side == Side::client ? talk.client_gets() : talk.broker_gets();
}

/// "mqtt.utf8 81": the check and the reason code of the last refusal; empty: nothing was refused.
[[nodiscard]] inline std::string last_refusal(const Conversation& talk) {
  if (talk.events.refusals.empty()) return {};
  const auto& refused = talk.events.refusals.back();
  char code[8];
  std::snprintf(code, sizeof code, " %02X", static_cast<unsigned>(refused.reason));
  return refused.name + code;
}

/// Something that a side sends in an open session.
struct Case {
  const char* ids;
  wire::Level level;
  Side from;
  std::string bytes;
  std::string expected;      // last_refusal()
  std::string connect = {};  // properties
  std::string connack = {};
};

/// It ends the session: the other side gets nothing of it, nor of what comes behind it; a 5.0
/// client gets DISCONNECT with the reason code where it was at fault, and 3.x a bare close.
/// [MQTT-4.8.0-1 (3.1.1)] [MQTT-4.13.1-1 (5.0)]
inline void check_ends(const Case& c) {
  CAPTURE(std::string(c.ids));
  CAPTURE(c.level);
  CAPTURE(to_string(c.from));
  Conversation talk(everything());
  talk.open({.level = c.level, .properties = c.connect}, c.connack);
  send(talk, c.from, c.bytes + wire::publish({.level = c.level, .topic = "behind/it"}));
  CHECK(talk.closed());
  CHECK(last_refusal(talk) == c.expected);
  CHECK(talk.events.refusals.size() == 1);
  CHECK(talk.events.end_kind == CloseKind::malformed);
  CHECK(talk.broker_gets().empty());
  std::string answer;
  if (c.level == wire::v5) {
    const auto reason = talk.events.refusals.empty() ? mqtt::ReasonCode::success
                                                     : talk.events.refusals.back().reason;
    answer = wire::disconnect(c.from == Side::client ? static_cast<unsigned>(reason) : 0x80);
  }
  CHECK(talk.client_gets() == answer);
}

/// It passes byte for byte.
inline void check_passes(const Case& c) {
  CAPTURE(std::string(c.ids));
  CAPTURE(c.level);
  CAPTURE(to_string(c.from));
  Conversation talk(everything());
  talk.open({.level = c.level, .properties = c.connect}, c.connack);
  send(talk, c.from, c.bytes);
  CHECK(gets(talk, other(c.from)) == c.bytes);
  CHECK(gets(talk, c.from).empty());
  CHECK(last_refusal(talk).empty());
}

/// The same for both sides.
template <typename Check>
void from_both(Check check, Case c) {
  for (const Side from : {Side::client, Side::broker}) {
    c.from = from;
    check(c);
  }
}

inline std::string user_property(std::string_view name, std::string_view value) {
  return wire::u8(0x26) + wire::text(name) + wire::text(value);
}
inline std::string reason_string(std::string_view why) { return wire::u8(0x1F) + wire::text(why); }

/// PUBACK to PUBCOMP with a reason code and properties.
inline std::string long_ack(unsigned type, unsigned id, unsigned reason, std::string_view raw) {
  return wire::packet(type << 4 | (type == 6 ? 2U : 0U),
                      wire::u16(id) + wire::u8(reason) + wire::properties(wire::v5, raw));
}
inline std::string long_disconnect(unsigned reason, std::string_view raw) {
  return wire::packet(0xE0, wire::u8(reason) + wire::properties(wire::v5, raw));
}
inline std::string auth(unsigned reason, std::string_view raw) {
  return wire::packet(0xF0, wire::u8(reason) + wire::properties(wire::v5, raw));
}
inline std::string unsuback(unsigned id, std::initializer_list<unsigned> codes,
                            std::string_view raw = {}) {
  std::string body = wire::u16(id) + wire::properties(wire::v5, raw);
  for (const unsigned code : codes) body += wire::u8(code);
  return wire::packet(0xB0, body);
}

}  // namespace sallyport::test
