#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "sallyport/packet.h"

#include "conversation.h"

/// What the tests of single statements share. Their rows and titles name the statements that they
/// hold the gateway to; tests/conformance/check.py says in which form.
namespace sallyport::test {

/// Everything is allowed: what is refused is refused by the protocol.
[[nodiscard]] inline policy::PolicySpec everything() {
  return everybody({allow("all", {"#"}, {"#"})});
}

inline const std::string kMethod = wire::authentication_method("M");

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
  SessionOptions options;
  options.faults.refuse_deviations =
      true;  // of a broker's AUTH; of a client's packets it says nothing
  Conversation talk(everything(), options);
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

/// Returns whether these bytes are packets that a broker may send, one by one.
[[nodiscard]] inline bool is_exact(wire::Level level, std::string_view bytes) {
  const auto version = static_cast<mqtt::Version>(level);
  constexpr Bounds kGrammar = unbounded();
  while (!bytes.empty()) {
    const auto found =
        mqtt::next_frame(as_bytes(bytes), {Side::broker, version, UINT32_MAX, UINT32_MAX});
    if (found.status != mqtt::FrameResult::Status::frame) return false;
    const mqtt::Frame& frame = found.frame;
    if (bytes.size() < frame.header.total()) return false;
    bytes.remove_prefix(static_cast<std::size_t>(frame.header.total()));
    using enum mqtt::PacketType;
    bool good = true;
    switch (frame.header.type) {
      case connack:
        good = mqtt::decode_connack(frame, version, kGrammar).has_value();
        break;
      case publish:
        good = mqtt::decode_publish(frame, Side::broker, version, kGrammar).has_value();
        break;
      case suback:
      case unsuback:
        good = mqtt::decode_suback(frame, version, kGrammar).has_value();
        break;
      case disconnect:
        good = mqtt::decode_disconnect(frame, Side::broker, version, kGrammar).has_value();
        break;
      case pingresp:
      case auth:
        break;
      default:
        good = mqtt::decode_ack(frame, Side::broker, version, kGrammar).has_value();
    }
    if (!good) return false;
  }
  return true;
}

/// It is the broker's, and costs that packet: what clients tolerate passes byte for byte and is
/// only reported, unless the gateway is told to refuse it; of the rest nothing reaches the client
/// but an exact answer in its place. What comes behind it does.
inline void check_costs(const Case& c, bool refuse_deviations) {
  CAPTURE(std::string(c.ids));
  CAPTURE(c.level);
  CAPTURE(refuse_deviations);
  SessionOptions options;
  options.faults.refuse_deviations = refuse_deviations;
  Conversation talk(everything(), options);
  talk.open({.level = c.level, .properties = c.connect}, c.connack);
  const std::string behind = wire::publish({.level = c.level, .topic = "behind/it"});
  talk.broker_sends(c.bytes + behind);
  const auto first = static_cast<std::uint8_t>(c.bytes[0]);
  const bool says_goodbye = first >> 4 == 14 && c.level == wire::v5;
  CHECK(talk.closed() == says_goodbye);
  if (says_goodbye) CHECK(talk.events.end_kind == CloseKind::disconnect);
  REQUIRE(talk.events.refusals.size() == 1);
  const auto& refused = talk.events.refusals[0];
  CHECK(refused.from == Side::broker);
  CHECK(refused.name == c.expected.substr(0, c.expected.find(' ')));
  std::string got = talk.client_gets();
  if (refused.action == Action::report) {
    CHECK_FALSE(refuse_deviations);
    CHECK(got == c.bytes + (says_goodbye ? "" : behind));
    return;
  }
  CHECK(refused.action == Action::drop);
  CHECK(last_refusal(talk) == c.expected);
  CHECK(is_exact(c.level, got));
  if (!says_goodbye) {
    REQUIRE(got.ends_with(behind));
    got.resize(got.size() - behind.size());
  }
  CHECK(got.find(c.bytes) == std::string::npos);
  if (first >> 4 == 3) CHECK(got.empty());
  CHECK(talk.events.rewrites.size() == (got.empty() ? 0 : 1));
}

/// The client's ends the session; the broker's costs that packet, unless it is a step of an
/// authentication.
inline void check_refused(const Case& c) {
  const bool auth = static_cast<std::uint8_t>(c.bytes[0]) >> 4 == 15 && !c.connect.empty();
  if (c.from == Side::client || auth) return check_ends(c);
  check_costs(c, false);
  check_costs(c, true);
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

/// A session in which the policy allows everything.
inline Conversation bounded(const std::function<void(Bounds&)>& lower = {}) {
  Bounds bounds;
  if (lower) lower(bounds);
  return Conversation(everything(), bounds);
}

inline std::string user_property(std::string_view name, std::string_view value) {
  return wire::u8(0x26) + wire::text(name) + wire::text(value);
}
inline std::string user_properties(int count) {
  std::string raw;
  for (int i = 0; i < count; ++i) raw += user_property("k", "v");
  return raw;
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
